//! The thread that makes commits durable and then answers for them, so that the writing thread can go on meanwhile.
//!
//! The writing thread commits without waiting for the disk. Here the write-ahead log is flushed, once for all commits that wait, and only
//! then is anybody answered or told of a new head. Recovery reads the log up to its last whole commit, so what was flushed stays, in the
//! order in which it was written.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::sync::watch;

use super::Cursor;
use super::queue::{Job, Outcome};
use crate::clock::Stopwatch;
use crate::error::Error;
use crate::telemetry::Telemetry;

/// How many commits may wait to be flushed.
const WAITING: usize = 16;

/// A commit that is not durable yet, and who waits for it.
pub(super) struct Commit {
    pub(super) jobs: Vec<Job>,
    pub(super) results: Vec<Outcome>,
    pub(super) head: Cursor,
    pub(super) change: i64,
    pub(super) watch: Stopwatch,
}

/// The end at which commits are put in.
pub(super) struct Syncer {
    commits: Option<mpsc::SyncSender<Commit>>,
    /// Hears of each commit that was answered for.
    answered: mpsc::Receiver<()>,
    /// How many commits were handed over and not yet answered for, as far as it was listened.
    under_way: usize,
    /// Whether a flush failed since the last time that somebody asked.
    failed: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Where news of what is durable goes: the newest event, and the newest change of the state.
pub(super) type Heads = (watch::Sender<Cursor>, watch::Sender<i64>);

impl Syncer {
    /// Starts the thread that flushes the write-ahead log of the store at `path`.
    pub(super) fn start(path: &Path, heads: Heads, telemetry: Arc<Telemetry>) -> io::Result<Self> {
        let (commits, waiting) = mpsc::sync_channel(WAITING);
        let (tell, answered) = mpsc::channel();
        let failed = Arc::new(AtomicBool::new(false));
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let worker = Worker { log: log.into(), failed: Arc::clone(&failed), heads, answered: tell, telemetry };
        let thread = std::thread::Builder::new().name("store-syncer".into()).spawn(move || worker.run(&waiting))?;
        Ok(Self { commits: Some(commits), answered, under_way: 0, failed, thread: Some(thread) })
    }

    /// Hands a commit over; it is answered once it is durable.
    pub(super) fn take(&mut self, commit: Commit) {
        self.under_way += 1;
        self.under_way -= self.answered.try_iter().count();
        // The thread is there as long as this is. If not, the jobs are dropped, and who waits is told that nothing was stored.
        let _ = self.commits.as_ref().map(|commits| commits.send(commit));
    }

    /// Waits until everything that was handed over is answered for.
    pub(super) fn finish(&mut self) {
        while self.under_way > 0 && self.answered.recv().is_ok() {
            self.under_way -= 1;
        }
    }

    /// Returns whether a flush failed since the last call.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.swap(false, Ordering::AcqRel)
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.commits = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the flushing thread had failed");
        }
    }
}

struct Worker {
    log: PathBuf,
    failed: Arc<AtomicBool>,
    heads: Heads,
    answered: mpsc::Sender<()>,
    telemetry: Arc<Telemetry>,
}

impl Worker {
    fn run(self, waiting: &mpsc::Receiver<Commit>) {
        while let Ok(first) = waiting.recv() {
            let commits: Vec<_> = std::iter::once(first).chain(waiting.try_iter()).collect();
            let count = commits.len();
            match self.flush() {
                Ok(()) => commits.into_iter().for_each(|commit| self.tell(commit)),
                Err(error) => self.fail(commits, &error),
            }
            // The writing thread is gone only when nobody writes any more.
            (0..count).for_each(|_| _ = self.answered.send(()));
        }
    }

    /// The file is opened anew each time, since the writing thread may have opened the store anew.
    fn flush(&self) -> io::Result<()> {
        OpenOptions::new().write(true).open(&self.log)?.sync_data()
    }

    fn tell(&self, commit: Commit) {
        self.telemetry.committed(commit.watch.elapsed());
        self.heads.0.send_replace(commit.head);
        self.heads.1.send_if_modified(|known| std::mem::replace(known, commit.change) != commit.change);
        for (job, result) in commit.jobs.into_iter().zip(commit.results) {
            job.answer(Ok(result));
        }
    }

    fn fail(&self, commits: Vec<Commit>, error: &io::Error) {
        tracing::error!(%error, commits = commits.len(), "cannot make the store durable");
        self.failed.store(true, Ordering::Release);
        self.telemetry.commit_failed();
        for job in commits.into_iter().flat_map(|commit| commit.jobs) {
            job.answer(Err(Error::CannotStore));
        }
    }
}
