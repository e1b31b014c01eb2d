//! The thread that writes: takes whatever waits and stores it in one transaction, which another thread makes durable and answers for.
//!
//! A transaction that fails fails for all that are in it: nothing of it is acknowledged, and everybody is told to come again. The thread
//! itself never gives up. After a fault it opens the file anew, so it works again as soon as the disk does.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use tokio::sync::mpsc;

use super::checkpoint::Checkpointer;
use super::disk::Reserve;
use super::queue::{Entries, Job, Outcome, Task};
use super::shop::Keeper;
use super::syncer::{Commit, Syncer};
use super::{Cursor, erasure, imported, log, schema, trim};
use crate::clock::Stopwatch;
use crate::error::Error;
use crate::telemetry::Telemetry;

/// The most events in one transaction; it bounds how long the first of them waits for its answer.
const GROUP_EVENTS: usize = 4096;

/// So many events are worth a transaction of their own while an earlier one is still flushed. Fewer wait for the end of that flush: their
/// answers wait for the next one either way, and a transaction costs as much as to store some twenty events.
const WORTHWHILE: usize = 512;

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
    /// Whether everything has to be brought to its place before anything new is stored.
    unsettled: bool,
    syncer: Syncer,
    checkpointer: Checkpointer,
    telemetry: Arc<Telemetry>,
}

impl Writer {
    pub(super) fn new(
        path: PathBuf,
        busy_timeout: Duration,
        reserve: Reserve,
        connection: Connection,
        (syncer, checkpointer): (Syncer, Checkpointer),
        telemetry: Arc<Telemetry>,
    ) -> Self {
        Self { path, busy_timeout, reserve, connection: Some(connection), failed: None, unsettled: false, syncer, checkpointer, telemetry }
    }

    /// Stores until the queue is gone and empty.
    pub(super) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut group = Vec::new();
        while let Some(first) = jobs.blocking_recv() {
            let mut events = first.task.events();
            group.push(first);
            gather(&mut jobs, &mut group, &mut events);
            if events < WORTHWHILE {
                self.syncer.finish();
                gather(&mut jobs, &mut group, &mut events);
            }
            self.store(&mut group);
        }
    }

    fn store(&mut self, group: &mut Vec<Job>) {
        if self.reserve.is_touched() {
            for job in group.extract_if(.., |job| job.task.takes_room()) {
                job.answer(Err(Error::DiskFull));
            }
            if group.is_empty() {
                return;
            }
        }
        let watch = Stopwatch::start();
        match self.commit(group) {
            Ok((results, head, change)) => {
                let size = kilobytes(group);
                if group.iter().any(|job| matches!(job.task, Task::Probe)) || self.failed.is_some_and(|failed| size >= failed) {
                    self.failed = None;
                }
                self.checkpointer.wrote(size);
                self.syncer.take(Commit { jobs: std::mem::take(group), results, head, change, watch });
            }
            Err(error) => self.fail(group, &error),
        }
    }

    /// After a flush has failed nobody knows what of the log is on the disk. It counts again once everything is at its place.
    fn connection(&mut self) -> rusqlite::Result<&mut Connection> {
        if self.syncer.has_failed() {
            self.connection = None;
            self.unsettled = true;
        }
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let connection = schema::connect(&self.path, self.busy_timeout)?;
                schema::for_writing(&connection)?;
                connection
            }
        };
        if self.unsettled {
            schema::settle(&connection)?;
            self.unsettled = false;
        }
        self.checkpointer.finish(&connection);
        Ok(self.connection.insert(connection))
    }

    fn commit(&mut self, group: &[Job]) -> rusqlite::Result<(Vec<Outcome>, Cursor, i64)> {
        let failed = self.failed.unwrap_or_default();
        let transaction = self.connection()?.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut log = log::Appender::begin(&transaction)?;
        let mut shop = Keeper::begin(&transaction)?;
        let mut results = Vec::with_capacity(group.len());
        while let Some(job) = group.get(results.len()) {
            let mut outcome = Outcome::default();
            match &job.task {
                Task::Append(entries) => {
                    let run: Vec<_> = group[results.len()..].iter().map_while(|job| job.task.events_of(entries.project)).collect();
                    let appended = log.append(&run, &mut shop)?.into_iter();
                    results.extend(appended.map(|appended| Outcome { appended, ..outcome }));
                    continue;
                }
                Task::Tell(telling) => shop.tell(telling)?,
                Task::Import(project, records) => imported::keep(&transaction, &mut shop, *project, records)?,
                Task::Strike(project, found) => erasure::strike(&transaction, &mut shop, *project, found)?,
                Task::Forget(forgetting) => erasure::forget(&transaction, &mut shop, forgetting)?,
                Task::Trim(before, limit) => outcome.trimmed = trim::trim(&transaction, &mut shop, *before, *limit)?,
                Task::Probe => fill(&transaction, failed)?,
            }
            results.push(outcome);
        }
        let change = shop.finish()?;
        let head = log.finish()?;
        transaction.commit()?;
        if let Some(connection) = self.connection.as_ref().filter(|_| group.iter().any(|job| matches!(job.task, Task::Forget(_)))) {
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
            job.answer(Err(Error::CannotStore));
        }
    }
}

/// Adds what waits by now, as far as it fits in.
fn gather(jobs: &mut mpsc::Receiver<Job>, group: &mut Vec<Job>, events: &mut usize) {
    while *events < GROUP_EVENTS
        && let Ok(job) = jobs.try_recv()
    {
        *events += job.task.events();
        group.push(job);
    }
}

impl Task {
    fn events(&self) -> usize {
        match self {
            Self::Append(entries) => entries.pack.len(),
            Self::Tell(telling) => telling.records.len(),
            Self::Import(_, records) => records.len(),
            Self::Strike(_, found) => found.len(),
            Self::Trim(_, limit) => *limit,
            Self::Forget(_) | Self::Probe => 0,
        }
    }

    /// Returns the events that are to be stored of a project, if it is that.
    fn events_of(&self, project: i64) -> Option<&Entries> {
        if let Self::Append(entries) = self { Some(entries).filter(|entries| entries.project == project) } else { None }
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
