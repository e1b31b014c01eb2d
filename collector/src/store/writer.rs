//! The thread that writes: takes whatever waits, stores it in one transaction, and only then answers.
//!
//! A transaction that fails fails for all that are in it: nothing of it is acknowledged, and everybody is told to come again. The thread
//! itself never gives up. After a fault it opens the file anew, so it works again as soon as the disk does.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use tokio::sync::{mpsc, watch};

use super::disk::Reserve;
use super::queue::{Job, Task};
use super::shop::Keeper;
use super::{Appended, Cursor, erasure, imported, log, schema, trim};
use crate::clock::Stopwatch;
use crate::error::Error;
use crate::telemetry::Telemetry;

/// The most events in one transaction; it bounds how long the first of them waits for its answer.
const GROUP_EVENTS: usize = 4096;

/// The least and the most KB with which it is tried whether a disk that refused to write does so again.
const FILL: (usize, usize) = (64, 1024);

/// The state of the writing thread.
pub(super) struct Writer {
    path: PathBuf,
    busy_timeout: Duration,
    reserve: Reserve,
    connection: Option<Connection>,
    /// How many KB could not be stored the last time, until as much could.
    failed: Option<usize>,
    heads: (watch::Sender<Cursor>, watch::Sender<i64>),
    telemetry: Arc<Telemetry>,
}

impl Writer {
    pub(super) fn new(
        path: PathBuf,
        busy_timeout: Duration,
        reserve: Reserve,
        connection: Connection,
        heads: (watch::Sender<Cursor>, watch::Sender<i64>),
        telemetry: Arc<Telemetry>,
    ) -> Self {
        Self { path, busy_timeout, reserve, connection: Some(connection), failed: None, heads, telemetry }
    }

    /// Stores until the queue is gone and empty.
    pub(super) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut group = Vec::new();
        while let Some(first) = jobs.blocking_recv() {
            let mut events = first.task.events();
            group.push(first);
            while events < GROUP_EVENTS {
                let Ok(job) = jobs.try_recv() else { break };
                events += job.task.events();
                group.push(job);
            }
            self.store(&mut group);
        }
    }

    fn store(&mut self, group: &mut Vec<Job>) {
        if self.reserve.is_touched() {
            for job in group.extract_if(.., |job| job.task.takes_room()) {
                let _ = job.answer.send(Err(Error::DiskFull));
            }
            if group.is_empty() {
                return;
            }
        }
        let watch = Stopwatch::start();
        match self.commit(group) {
            Ok((results, head, change)) => {
                if group.iter().any(|job| matches!(job.task, Task::Probe)) || self.failed.is_some_and(|failed| kilobytes(group) >= failed) {
                    self.failed = None;
                }
                self.telemetry.committed(watch.elapsed());
                self.heads.0.send_replace(head);
                self.heads.1.send_if_modified(|known| std::mem::replace(known, change) != change);
                for (job, result) in group.drain(..).zip(results) {
                    // Who does not wait any more has lost the connection, and will send again.
                    let _ = job.answer.send(Ok(result));
                }
            }
            Err(error) => self.fail(group, &error),
        }
    }

    fn commit(&mut self, group: &[Job]) -> rusqlite::Result<(Vec<Appended>, Cursor, i64)> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(schema::connect(&self.path, self.busy_timeout)?),
        };
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut log = log::Appender::begin(&transaction)?;
        let mut shop = Keeper::begin(&transaction)?;
        let mut results = Vec::with_capacity(group.len());
        for job in group {
            results.push(match &job.task {
                Task::Append(entries) => log.append(entries, &mut shop)?,
                Task::Tell(telling) => {
                    shop.tell(telling)?;
                    Appended::default()
                }
                Task::Import(project, records) => {
                    imported::keep(&transaction, &mut shop, *project, records)?;
                    Appended::default()
                }
                Task::Strike(project, found) => {
                    erasure::strike(&transaction, &mut shop, *project, found)?;
                    Appended::default()
                }
                Task::Forget(forgetting) => {
                    erasure::forget(&transaction, &mut shop, forgetting)?;
                    Appended::default()
                }
                Task::Trim(before, limit) => Appended { accepted: trim::trim(&transaction, *before, *limit)?, duplicates: 0 },
                Task::Probe => {
                    fill(&transaction, self.failed.unwrap_or_default())?;
                    Appended::default()
                }
            });
        }
        let change = shop.finish()?;
        let head = log.finish()?;
        transaction.commit()?;
        if group.iter().any(|job| matches!(job.task, Task::Forget(_))) {
            schema::empty_log(connection);
        }
        Ok((results, head, change))
    }

    fn fail(&mut self, group: &mut Vec<Job>, error: &rusqlite::Error) {
        tracing::error!(%error, requests = group.len(), "cannot store");
        self.telemetry.commit_failed();
        if !is_lock(error) {
            self.connection = None;
            self.failed = Some(kilobytes(group).clamp(FILL.0, FILL.1).max(self.failed.unwrap_or_default()));
        }
        for job in group.drain(..) {
            let _ = job.answer.send(Err(Error::CannotStore));
        }
    }
}

impl Task {
    fn events(&self) -> usize {
        match self {
            Self::Append(entries) => entries.events.len(),
            Self::Tell(telling) => telling.records.len(),
            Self::Import(_, records) => records.len(),
            Self::Strike(_, found) => found.len(),
            Self::Trim(_, limit) => *limit,
            Self::Forget(_) | Self::Probe => 0,
        }
    }

    /// Returns whether the disk has more to hold afterwards.
    fn takes_room(&self) -> bool {
        match self {
            Self::Append(_) | Self::Tell(_) | Self::Import(..) => true,
            Self::Strike(..) | Self::Forget(_) | Self::Trim(..) | Self::Probe => false,
        }
    }
}

/// Writes as many KB as could not be written before. A disk that is almost full may take a word and not a batch.
fn fill(connection: &Connection, kilobytes: usize) -> rusqlite::Result<()> {
    if kilobytes > 0 {
        let mut fill = connection.prepare_cached("INSERT OR REPLACE INTO filler (one, bytes) VALUES (1, zeroblob(?1))")?;
        fill.execute([i64::try_from(kilobytes * 1024).unwrap_or(i64::MAX)])?;
    }
    Ok(())
}

fn kilobytes(group: &[Job]) -> usize {
    group.iter().map(|job| job.room.num_permits()).sum()
}

/// Somebody else's lock says nothing against our connection.
fn is_lock(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
