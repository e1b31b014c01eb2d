//! Runs tasks in one transaction.

use std::collections::BTreeMap;

use rusqlite::{Connection, TransactionBehavior};

use crate::store::bound::Bound;
use crate::store::erasure::apply;
use crate::store::imports;
use crate::store::log::append::Appender;
use crate::store::log::cursor::Cursor;
use crate::store::log::retention::{Trimmed, Watermarks, delete_expired};
use crate::store::position::Position;
use crate::store::state::updater::StateUpdater;
use crate::store::tasks::{Job, Outcome, Task};

/// A committed transaction.
pub(in crate::store) struct Committed {
    /// The result of each job.
    pub(in crate::store) outcomes: Vec<Outcome>,
    /// The position of the newest event.
    pub(in crate::store) head: Cursor,
    /// The position after it.
    pub(in crate::store) position: Position,
    /// How often which bound of the state was reached.
    pub(in crate::store) reached: BTreeMap<Bound, u64>,
}

/// Runs all jobs in one transaction and commits it. After an error nothing of it is stored.
pub(in crate::store) fn commit(connection: &mut Connection, jobs: &[Job], probe_kb: usize) -> rusqlite::Result<Committed> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut log = Appender::begin(&transaction)?;
    let mut state = StateUpdater::begin(&transaction)?;
    let mut outcomes = Vec::with_capacity(jobs.len());
    while let Some(job) = jobs.get(outcomes.len()) {
        let mut outcome = Outcome::default();
        match &job.task {
            Task::Append(request) => {
                // Requests of one project that follow each other share segments.
                let project = request.project;
                let requests: Vec<_> = jobs[outcomes.len()..].iter().map_while(|job| job.task.append_request(project)).collect();
                let (appended, new_state_events) = log.append(project, &requests)?;
                new_state_events.iter().try_for_each(|event| state.apply_event(project, event))?;
                outcomes.extend(appended.into_iter().map(|appended| Outcome { appended, ..outcome }));
                continue;
            }
            Task::ApplyRecords(batch) => state.apply_records(batch)?,
            Task::Import(project, records) => imports::import(&transaction, &mut state, *project, records)?,
            Task::DeleteEvents(project, found) => apply::delete_events(&transaction, &mut state, *project, found)?,
            Task::FinishErasure(erasure) => outcome.erased = apply::finish(&transaction, &mut state, erasure)?,
            Task::Trim(before, limit) => outcome.trimmed = trim(&transaction, &mut state, *before, *limit)?,
            Task::Probe => probe_write(&transaction, probe_kb)?,
        }
        outcomes.push(outcome);
    }
    let (change, reached) = state.finish()?;
    let head = log.finish()?;
    let trimmed = Watermarks::read(&transaction)?.trimmed_until;
    transaction.commit()?;
    Ok(Committed { outcomes, head, position: Position { change, event: head.0, trimmed }, reached })
}

/// Deletes expired events and compacts the state that they leave behind.
fn trim(connection: &Connection, state: &mut StateUpdater<'_>, before: u64, limit: usize) -> rusqlite::Result<Trimmed> {
    let mut watermarks = Watermarks::read(connection)?;
    let trimmed = delete_expired(connection, &mut watermarks, before, limit)?;
    let (compacted_until, has_more) = state.compact(watermarks.compacted_until, watermarks.trimmed_until, limit)?;
    Watermarks { compacted_until, ..watermarks }.write(connection)?;
    // Readers of the changes delete expired events by their numbers.
    let delete = "DELETE FROM erased_event WHERE seq > 0 AND seq <= ?1";
    connection.prepare_cached(delete)?.execute([watermarks.trimmed_until])?;
    Ok(Trimmed { has_more: trimmed.has_more || has_more, ..trimmed })
}

/// Writes as many KB as the last failed transaction had. A disk that is almost full may accept a small write and refuse a batch.
fn probe_write(connection: &Connection, kilobytes: usize) -> rusqlite::Result<()> {
    if kilobytes > 0 {
        let insert = "INSERT OR REPLACE INTO disk_probe (singleton, bytes) VALUES (1, zeroblob(?1))";
        connection.prepare_cached(insert)?.execute([i64::try_from(kilobytes * 1024).unwrap_or(i64::MAX)])?;
    }
    Ok(())
}
