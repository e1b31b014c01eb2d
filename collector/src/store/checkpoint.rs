//! The thread that brings pages from the write-ahead log to their places, so that no commit has to wait for it.
//!
//! It works while others write, a little at a time, so it never quite comes to the end. Once the log is long and little of it is left, the
//! writing thread does the rest between two commits, and the log begins anew from its start. Everybody waits for that, so it is rare.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use super::schema;

/// After how many KB of new events what is in the log is worked off. Much at once would keep the disk from flushing commits meanwhile.
const KILOBYTES: usize = 16 * 1024;

/// From how many pages on it is worth it to begin anew.
const LONG: i64 = 12_288;

/// How often the thread goes over what came meanwhile.
const ROUNDS: usize = 8;

/// How many pages the log may have before the rest is done however much it is.
const TOO_LONG: i64 = 65_536;

/// How many pages are little enough to be left.
const LITTLE: i64 = 256;

/// The end at which it is asked for.
pub(super) struct Checkpointer {
    ask: Option<mpsc::SyncSender<()>>,
    little_left: Arc<AtomicBool>,
    written: usize,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread for the store at `path`.
    pub(super) fn start(path: PathBuf, busy_timeout: Duration) -> io::Result<Self> {
        let (ask, asked) = mpsc::sync_channel(1);
        let little_left = Arc::new(AtomicBool::new(false));
        let done = Arc::clone(&little_left);
        let work = move || {
            while asked.recv().is_ok() {
                match schema::connect(&path, busy_timeout).and_then(|connection| rounds(&connection)) {
                    Ok(is_time) => done.store(is_time, Ordering::Release),
                    Err(error) => tracing::error!(%error, "cannot work off the write-ahead log"),
                }
            }
        };
        let thread = std::thread::Builder::new().name("store-checkpoint".into()).spawn(work)?;
        Ok(Self { ask: Some(ask), little_left, written: 0, thread: Some(thread) })
    }

    /// Takes note of so many KB that were written, and asks for the log to be worked off when it is time.
    pub(super) fn wrote(&mut self, kilobytes: usize) {
        self.written += kilobytes;
        if self.written >= KILOBYTES {
            self.written = 0;
            // If it is still at work, it is asked again after as much more.
            let _ = self.ask.as_ref().map(|ask| ask.try_send(()));
        }
    }

    /// Does the rest, if little is left; to be called by the writing thread between two commits.
    pub(super) fn finish(&self, connection: &Connection) {
        if self.little_left.swap(false, Ordering::AcqRel)
            && let Err(error) = pass(connection)
        {
            tracing::error!(%error, "cannot work off the write-ahead log");
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.ask = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Works off the log, and returns whether it is time for the rest.
fn rounds(connection: &Connection) -> rusqlite::Result<bool> {
    for _ in 0..ROUNDS {
        let (all, done) = pass(connection)?;
        if all < LONG {
            break;
        }
        if all - done <= LITTLE || all > TOO_LONG {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Works off what is in the log now, without making anybody wait. Returns how many pages it has by now, and how many are worked off.
fn pass(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| Ok((row.get(1)?, row.get(2)?)))
}
