//! Copies the write-ahead log to the database, on a thread of its own.
//!
//! A checkpoint inside a commit would delay all waiting requests until tens of megabytes are on disk. This thread copies while the writer goes
//! on. What was added meanwhile is little: when the log is long, the writer copies that itself, so that its next commit restarts the log.
//!
//! SQLite flushes the database only when a copy reaches the end of the log, which it never does while commits go on. So the thread flushes it after
//! each copy. Otherwise the writer would wait until all that was copied since the log was started is on disk.

use std::fs::OpenOptions;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock::Stopwatch;
use crate::store::schema::connect::{checkpoint, connect_writer};

/// How long commits gather before they are copied, unless the log has grown much.
const INTERVAL: Duration = Duration::from_secs(1);

/// Likewise for a log that is long: it is restarted once everything is copied and no reader needs it.
const LONG_LOG_INTERVAL: Duration = Duration::from_millis(50);

/// How many pages the log may grow before they are copied at once: 4 MB. The flush of a commit waits for that of a copy, so a copy must be small;
/// and each copy waits for the disk twice, so there must be few.
const MAX_GROWTH_PAGES: i64 = MAX_LOG_PAGES / 16;

/// From this length on the log is restarted as soon as possible, in pages of the database: 64 MB.
pub(super) const MAX_LOG_PAGES: i64 = 8192;

/// The thread that copies. Dropping it ends the thread.
pub(super) struct Checkpointer {
    /// Announces commits, each with the length of the log in pages; None once the thread shall end.
    commits: Option<SyncSender<i64>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    /// Held by a checkpoint: SQLite refuses a second one.
    turn: Mutex<()>,
    has_copied: AtomicBool,
}

impl Checkpointer {
    /// Starts the thread for the store in this file.
    pub(super) fn start(path: PathBuf, busy_timeout: Duration) -> Self {
        let (commits, announced) = sync_channel(1);
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("store-checkpoint".into());
        let thread = thread.spawn(move || {
            if let Err(error) = run(&path, busy_timeout, &announced, &own) {
                tracing::warn!(%error, "cannot copy the write-ahead log beside the writer");
            }
        });
        Self { commits: Some(commits), shared, thread: thread.ok() }
    }

    /// Announces a commit that left a log of this length.
    pub(super) fn committed(&self, log_pages: i64) {
        // One announcement stands for all commits until the thread takes it.
        let _ = self.commits.as_ref().map(|commits| commits.try_send(log_pages));
    }

    /// Returns, once for each copy, whether one was made or has failed, so that the writer can complete that of a long log.
    pub(super) fn take_copied(&self) -> bool {
        self.shared.has_copied.swap(false, Relaxed)
    }

    /// Returns whether the thread runs.
    pub(super) fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Lets no checkpoint begin while the result lives. Returns None if one runs.
    pub(super) fn try_pause(&self) -> Option<MutexGuard<'_, ()>> {
        match self.shared.turn.try_lock() {
            Ok(turn) => Some(turn),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Waits until no checkpoint runs, and lets none begin while the result lives.
    pub(super) fn pause(&self) -> MutexGuard<'_, ()> {
        self.shared.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.commits = None;
        // The thread ends within one checkpoint.
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread for checkpoints had panicked");
        }
    }
}

fn run(path: &Path, busy_timeout: Duration, commits: &Receiver<i64>, shared: &Shared) -> rusqlite::Result<()> {
    let connection = connect_writer(path, busy_timeout)?;
    // It is never closed: on Unix this would release the locks that SQLite has on the same file.
    let database = OpenOptions::new().read(true).write(true).open(path).map(ManuallyDrop::new);
    let mut copied = 0;
    while commits.recv().is_ok_and(|pages| must_copy(pages, copied) || wait(commits, pages, copied)) {
        let _turn = shared.turn.lock().unwrap_or_else(PoisonError::into_inner);
        match checkpoint(&connection) {
            Ok(pages) => {
                // SQLite gets an error too, when it flushes: the system reports it to each open file.
                let _ = database.as_ref().map(|file| file.sync_data());
                copied = pages.unwrap_or(copied);
            }
            Err(error) => tracing::warn!(%error, "cannot copy the write-ahead log to the database"),
        }
        shared.has_copied.store(true, Relaxed);
    }
    Ok(())
}

/// Returns whether a log of this length must be copied at once, if this many pages were copied last. A shorter log was restarted since.
fn must_copy(pages: i64, copied: i64) -> bool {
    let copied = if pages < copied { 0 } else { copied };
    pages - copied >= MAX_GROWTH_PAGES || pages > MAX_LOG_PAGES && copied <= MAX_LOG_PAGES
}

/// Lets commits gather after one that left a log of `pages`. Returns false if the store is closed meanwhile.
fn wait(commits: &Receiver<i64>, pages: i64, copied: i64) -> bool {
    let interval = if pages > MAX_LOG_PAGES { LONG_LOG_INTERVAL } else { INTERVAL };
    let watch = Stopwatch::start();
    while let Some(rest) = interval.checked_sub(watch.elapsed()) {
        match commits.recv_timeout(rest) {
            Ok(pages) if must_copy(pages, copied) => break,
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_copied_at_once_when_it_has_grown_much_or_becomes_long() {
        for (pages, copied, expected) in [
            (10, 0, false),
            (MAX_GROWTH_PAGES, 0, true),
            (MAX_GROWTH_PAGES + 10, 20, false),
            (MAX_LOG_PAGES + 1, MAX_LOG_PAGES - 10, true),
            (MAX_LOG_PAGES + 2, MAX_LOG_PAGES + 1, false),
            (10, MAX_LOG_PAGES, false),
            (MAX_GROWTH_PAGES, MAX_LOG_PAGES, true),
        ] {
            assert_eq!(must_copy(pages, copied), expected, "{pages} {copied}");
        }
    }
}
