//! The writing thread: group commit.
//!
//! The thread stores all waiting tasks in one transaction. The commit flushes the write-ahead log, and only then the thread sends the
//! responses. While it waits for the disk, the next tasks gather in the queue, so one flush serves many requests.
//!
//! A failed transaction fails for all of its tasks: nothing is acknowledged, and the clients send again. The thread itself never ends because
//! of an error. It opens the file again, so it works as soon as the disk does.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, watch};

use super::disk_space::Reserve;
use super::transaction::{Committed, commit};
use crate::clock::Stopwatch;
use crate::store::error::StoreError;
use crate::store::log::cursor::Cursor;
use crate::store::schema::connect::connect_writer;
use crate::store::tasks::{Job, Task};
use crate::telemetry::Telemetry;

/// The most events in one transaction. It bounds how long the first of them waits for its response.
const MAX_GROUP_EVENTS: usize = 4096;

/// The least and the most KB that a probe writes after a failed write.
const PROBE_KB: (usize, usize) = (64, 1024);

/// The state of the writing thread.
pub(in crate::store) struct StoreWriter {
    path: PathBuf,
    busy_timeout: Duration,
    reserve: Reserve,
    connection: Option<Connection>,
    /// The size of the last failed transaction, until one of that size succeeds.
    failed_kb: Option<usize>,
    head: watch::Sender<Cursor>,
    change: watch::Sender<i64>,
    telemetry: Arc<Telemetry>,
}

impl StoreWriter {
    /// `head` and `change` get the newest event and the newest change when they are durable.
    pub(in crate::store) fn new(
        path: PathBuf,
        busy_timeout: Duration,
        reserve: Reserve,
        (head, change): (watch::Sender<Cursor>, watch::Sender<i64>),
        telemetry: Arc<Telemetry>,
    ) -> Self {
        Self { path, busy_timeout, reserve, connection: None, failed_kb: None, head, change, telemetry }
    }

    /// Writes until the queue is closed and empty.
    pub(in crate::store) fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        while let Some(first) = queue.blocking_recv() {
            self.store(gather(first, &mut queue));
        }
    }

    fn store(&mut self, mut jobs: Vec<Job>) {
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
            }
            Err(error) => self.fail(jobs, &error),
        }
    }

    fn commit(&mut self, jobs: &[Job]) -> rusqlite::Result<Committed> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(connect_writer(&self.path, self.busy_timeout)?),
        };
        commit(connection, jobs, self.failed_kb.unwrap_or_default())
    }

    fn acknowledge(&mut self, jobs: Vec<Job>, Committed { outcomes, head, change }: Committed) {
        let is_probe = jobs.iter().any(|job| matches!(job.task, Task::Probe));
        if is_probe || self.failed_kb.is_some_and(|failed| kilobytes(&jobs) >= failed) {
            self.failed_kb = None;
        }
        self.head.send_replace(head);
        self.change.send_if_modified(|newest| std::mem::replace(newest, change) != change);
        for (job, outcome) in jobs.into_iter().zip(outcomes) {
            job.respond(Ok(outcome));
        }
    }

    fn fail(&mut self, jobs: Vec<Job>, error: &rusqlite::Error) {
        tracing::error!(%error, requests = jobs.len(), "cannot write to the store");
        self.telemetry.commit_failed();
        if !is_lock(error) {
            self.connection = None;
            self.failed_kb = Some(kilobytes(&jobs).clamp(PROBE_KB.0, PROBE_KB.1).max(self.failed_kb.unwrap_or_default()));
        }
        for job in jobs {
            job.respond(Err(StoreError::Write));
        }
    }
}

/// Returns the first job and the jobs that wait in the queue, up to the limit of a transaction.
fn gather(first: Job, queue: &mut mpsc::Receiver<Job>) -> Vec<Job> {
    let mut events = first.task.events();
    let mut jobs = vec![first];
    while events < MAX_GROUP_EVENTS
        && let Ok(job) = queue.try_recv()
    {
        events += job.task.events();
        jobs.push(job);
    }
    jobs
}

fn kilobytes(jobs: &[Job]) -> usize {
    jobs.iter().map(|job| job.permit.num_permits()).sum()
}

/// A lock of another process is no fault of this connection.
fn is_lock(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
