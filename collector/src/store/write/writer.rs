//! The writing thread: group commit.
//!
//! The thread stores waiting tasks in one transaction. The commit flushes the write-ahead log, and only then the thread sends the responses.
//! While it waits for the disk, the next tasks gather in the queue, so one flush serves many requests. Cheap tasks go first, and a transaction
//! takes few expensive ones, so that cheap tasks never wait long.
//!
//! A failed transaction fails for all of its tasks: nothing is acknowledged, and the clients send again. The thread itself never ends because
//! of an error. It opens the file again, so it works as soon as the disk does.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use rusqlite::hooks::Wal;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, watch};

use super::backlog::Backlog;
use super::checkpointer::{Checkpointer, MAX_LOG_PAGES};
use super::disk_space::Reserve;
use super::health::WriteHealth;
use super::share::{Contents, RecentTasks};
use super::transaction::{Committed, commit};
use crate::clock::{self, Stopwatch};
use crate::store::Options;
use crate::store::error::StoreError;
use crate::store::log::cursor::Cursor;
use crate::store::position::Position;
use crate::store::schema::connect::{checkpoint, checkpoint_truncate, connect_writer, is_log_too_long, leave_commits_unflushed, limit_log};
use crate::store::tasks::{Job, Outcome, Task};
use crate::telemetry::Telemetry;

/// How often the writer looks whether expensive tasks may go on, while only such tasks wait.
pub(in crate::store) const EXPENSIVE_POLL: Duration = Duration::from_millis(1);

/// The least and the most KB that a probe writes after a failed write.
const PROBE_KB: (usize, usize) = (64, 1024);

/// The time between two attempts to restart a write-ahead log that is too long: each may wait for readers.
const LOG_RESTART_INTERVAL: Duration = Duration::from_secs(1);

/// The state of the writing thread.
pub(in crate::store) struct StoreWriter {
    path: PathBuf,
    busy_timeout: Duration,
    pub(in crate::store) reserve: Reserve,
    connection: Option<Connection>,
    /// Whether each commit is flushed to the disk.
    pub(in crate::store) flushes_commits: bool,
    checkpointer: Checkpointer,
    /// The length of the write-ahead log in pages, after the last commit or checkpoint of this thread.
    log_pages: Arc<AtomicI64>,
    /// From this length of the log on, expensive tasks wait until it is copied.
    pause_from_pages: i64,
    backlog: Backlog,
    recent: RecentTasks,
    /// The size of the last failed transaction, until one of that size succeeds.
    failed_kb: Option<usize>,
    head: watch::Sender<Cursor>,
    position: watch::Sender<Position>,
    pub(in crate::store) health: Arc<WriteHealth>,
    pub(in crate::store) telemetry: Arc<Telemetry>,
    /// The time of the last attempt to restart a write-ahead log that is too long.
    restarted_log: Option<Stopwatch>,
}

impl StoreWriter {
    /// `head` and `position` get the newest event and the position after it when they are durable.
    pub(in crate::store) fn new(
        path: PathBuf,
        options: Options,
        reserve: Reserve,
        (head, position): (watch::Sender<Cursor>, watch::Sender<Position>),
        (health, telemetry): (Arc<WriteHealth>, Arc<Telemetry>),
    ) -> Self {
        let busy_timeout = options.busy_timeout;
        let checkpointer = Checkpointer::start(path.clone(), busy_timeout);
        Self {
            path,
            busy_timeout,
            reserve,
            connection: None,
            flushes_commits: true,
            checkpointer,
            log_pages: Arc::default(),
            pause_from_pages: MAX_LOG_PAGES,
            backlog: Backlog::default(),
            recent: RecentTasks::new(options.expensive_share),
            failed_kb: None,
            head,
            position,
            health,
            telemetry,
            restarted_log: None,
        }
    }

    /// Writes until the queue is closed and empty.
    pub(in crate::store) fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        while self.backlog.receive(&mut queue) {
            self.restart_log();
            let is_pause = self.recent.is_expensive_pause() || self.is_log_copied_first();
            // Nothing else comes once the queue is closed.
            let may_be_expensive = !is_pause || queue.is_closed();
            let group = self.backlog.next_group(may_be_expensive, &self.recent);
            if group.is_empty() {
                clock::sleep(EXPENSIVE_POLL);
                continue;
            }
            let (contents, watch) = (Contents::of(&group), Stopwatch::start());
            self.store(group);
            self.recent.stored(contents, watch.elapsed());
        }
    }

    /// Returns whether expensive tasks wait until the write-ahead log is copied: it must not grow faster than that.
    pub(in crate::store) fn is_log_copied_first(&self) -> bool {
        self.log_pages.load(Relaxed) > self.pause_from_pages && self.checkpointer.is_running()
    }

    pub(in crate::store) fn store(&mut self, mut jobs: Vec<Job>) {
        if self.reserve.is_exhausted() {
            for job in jobs.extract_if(.., |job| job.task.needs_disk_space()) {
                job.respond(Err(StoreError::DiskFull));
            }
            if jobs.is_empty() {
                return;
            }
        }
        let watch = Stopwatch::start();
        match self.commit(&jobs) {
            Ok(committed) => {
                self.telemetry.committed(watch.elapsed());
                self.acknowledge(jobs, committed);
                self.after_commit();
            }
            Err(error) => self.fail(jobs, &error),
        }
    }

    /// Returns the connection, which is opened again after an error.
    pub(in crate::store) fn connection(&mut self) -> rusqlite::Result<&mut Connection> {
        match &mut self.connection {
            Some(connection) => Ok(connection),
            none => {
                let mut connection = connect_writer(&self.path, self.busy_timeout)?;
                if !self.flushes_commits {
                    leave_commits_unflushed(&connection)?;
                }
                let log_pages = Arc::clone(&self.log_pages);
                connection.wal_hook(Some(move |_: &mut Wal, pages| {
                    log_pages.store(i64::from(pages), Relaxed);
                    Ok(())
                }))?;
                Ok(none.insert(connection))
            }
        }
    }

    fn commit(&mut self, jobs: &[Job]) -> rusqlite::Result<Committed> {
        let probe_kb = self.failed_kb.unwrap_or_default();
        let committed = commit(self.connection()?, jobs, probe_kb)?;
        if jobs.iter().any(|job| matches!(job.task, Task::FinishErasure(_))) {
            self.empty_log();
        }
        Ok(committed)
    }

    /// Empties the write-ahead log after an erasure.
    pub(in crate::store) fn empty_log(&self) {
        let _turn = self.checkpointer.pause();
        if let Some(pages) = self.connection.as_ref().and_then(checkpoint_truncate) {
            self.log_pages.store(pages, Relaxed);
        }
    }

    fn acknowledge(&mut self, jobs: Vec<Job>, committed: Committed) {
        let is_probe = jobs.iter().any(|job| matches!(job.task, Task::Probe));
        if is_probe || self.failed_kb.is_some_and(|failed| kilobytes(&jobs) >= failed) {
            self.failed_kb = None;
        }
        if self.failed_kb.is_none() {
            self.health.record(true);
        }
        let outcomes = self.publish(committed);
        for (job, outcome) in jobs.into_iter().zip(outcomes) {
            job.respond(Ok(outcome));
        }
    }

    /// Publishes the position after a commit, and returns the outcomes of its tasks.
    pub(in crate::store) fn publish(&self, Committed { outcomes, head, position, database_bytes, reached }: Committed) -> Vec<Outcome> {
        self.reserve.set_database_bytes(database_bytes);
        reached.iter().for_each(|(bound, count)| self.telemetry.bound_reached(bound.name(), *count));
        self.head.send_replace(head);
        self.position.send_if_modified(|newest| std::mem::replace(newest, position) != position);
        outcomes
    }

    /// Limits the length of the write-ahead log, and announces it to the thread that copies.
    pub(in crate::store) fn after_commit(&mut self) {
        self.limit_log();
        let pages = self.log_pages.load(Relaxed);
        if pages <= MAX_LOG_PAGES {
            self.pause_from_pages = MAX_LOG_PAGES;
        }
        self.checkpointer.committed(pages);
    }

    /// Copies the rest of a long write-ahead log, so that the next commit restarts it. After each copy, whatever its result, expensive tasks
    /// go on.
    pub(in crate::store) fn restart_log(&mut self) {
        // A commit must not wait for a copy that runs. It sets the flag again when it is complete.
        let Some(_turn) = self.checkpointer.try_pause() else { return };
        if !self.checkpointer.take_copied() || self.log_pages.load(Relaxed) <= MAX_LOG_PAGES {
            return;
        }
        match self.connection.as_ref().map(checkpoint).transpose() {
            Ok(pages) => pages.flatten().into_iter().for_each(|pages| self.log_pages.store(pages, Relaxed)),
            Err(error) => tracing::warn!(%error, "cannot copy the write-ahead log to the database"),
        }
        self.pause_from_pages = pause_from(self.log_pages.load(Relaxed));
    }

    /// Restarts a write-ahead log that is too long. Readers that never pause can prevent SQLite from doing so by itself.
    fn limit_log(&mut self) {
        let is_due = self.restarted_log.is_none_or(|last| last.elapsed() >= LOG_RESTART_INTERVAL);
        if is_due
            && let Some(connection) = &self.connection
            && is_log_too_long(&self.path)
        {
            let _turn = self.checkpointer.pause();
            if let Some(pages) = limit_log(connection, self.busy_timeout) {
                self.log_pages.store(pages, Relaxed);
            }
            self.restarted_log = Some(Stopwatch::start());
        }
    }

    fn fail(&mut self, jobs: Vec<Job>, error: &rusqlite::Error) {
        tracing::error!(%error, requests = jobs.len(), "cannot write to the store");
        self.failed(error, kilobytes(&jobs));
        for job in jobs {
            let is_disk_full = error.sqlite_error_code() == Some(ErrorCode::DiskFull);
            job.respond(Err(StoreError::NotWritten { cause: error.to_string(), is_disk_full }));
        }
    }

    /// Records that a transaction succeeded after a failure.
    pub(in crate::store) fn succeeded(&mut self) {
        self.failed_kb = None;
        self.health.record(true);
    }

    /// Records that a transaction of this size failed.
    pub(in crate::store) fn failed(&mut self, error: &rusqlite::Error, kilobytes: usize) {
        self.telemetry.commit_failed();
        self.health.record(false);
        if !is_lock(error) {
            self.connection = None;
            self.failed_kb = Some(kilobytes.clamp(PROBE_KB.0, PROBE_KB.1).max(self.failed_kb.unwrap_or_default()));
        }
    }
}

/// Returns from which length on expensive tasks wait for the next copy of a log that was just copied at this length.
///
/// The next commit restarts the log unless a reader needs it. Then one transaction after each copy looks whether the reader has ended. A
/// reader that lasts until the log is twice as long, such as a backup, lets expensive tasks go on until it has grown as much again.
fn pause_from(pages: i64) -> i64 {
    if pages < 2 * MAX_LOG_PAGES { pages.max(MAX_LOG_PAGES) } else { pages + MAX_LOG_PAGES }
}

fn kilobytes(jobs: &[Job]) -> usize {
    jobs.iter().map(|job| job.permit.num_permits()).sum()
}

/// A lock of another process is no fault of this connection.
fn is_lock(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use crate::store::write::disk_space::system_disk_space;

    #[test]
    fn length_of_the_log_is_right_after_it_was_emptied() {
        let folder = tempfile::tempdir().unwrap();
        drop(Store::open(folder.path(), Options::default(), Arc::default()).unwrap());
        let reserve = Reserve::new(folder.path(), 0, system_disk_space);
        let (head, position) = (watch::channel(Cursor::default()).0, watch::channel(Position::default()).0);
        let path = folder.path().join(crate::store::data_folder::FILE);
        let outputs = (Arc::new(WriteHealth::new()), Arc::default());
        let mut writer = StoreWriter::new(path, Options::default(), reserve, (head, position), outputs);
        let grow = |writer: &mut StoreWriter, bytes: i64| {
            let insert = "INSERT OR REPLACE INTO disk_probe (singleton, bytes) VALUES (1, zeroblob(?1))";
            writer.connection().unwrap().execute(insert, [bytes]).unwrap();
        };
        grow(&mut writer, 140 << 20);
        assert!(writer.is_log_copied_first());
        writer.after_commit();
        assert!(!writer.is_log_copied_first(), "too long");
        grow(&mut writer, 70 << 20);
        assert!(writer.is_log_copied_first());
        writer.empty_log();
        assert!(!writer.is_log_copied_first(), "an erasure");
    }

    #[test]
    fn expensive_tasks_wait_for_each_copy_of_a_long_log_until_it_is_twice_as_long() {
        for (pages, expected) in [
            (10, MAX_LOG_PAGES),
            (MAX_LOG_PAGES + 1, MAX_LOG_PAGES + 1),
            (2 * MAX_LOG_PAGES - 1, 2 * MAX_LOG_PAGES - 1),
            (2 * MAX_LOG_PAGES, 3 * MAX_LOG_PAGES),
        ] {
            assert_eq!(pause_from(pages), expected, "{pages}");
        }
    }
}
