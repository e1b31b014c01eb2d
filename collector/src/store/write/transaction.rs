//! Runs tasks in one transaction: those of waiting requests, or those of entries of a log.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use uuid::Uuid;

use crate::store::applied;
use crate::store::bound::Bound;
use crate::store::erasure::apply;
use crate::store::group_files;
use crate::store::imports;
use crate::store::log::append::Appender;
use crate::store::log::cursor::Cursor;
use crate::store::log::retention::{Trimmed, Watermarks, delete_expired};
use crate::store::position::Position;
use crate::store::schema::connect::{database_bytes, project_number};
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
    /// The length of the database, in bytes.
    pub(in crate::store) database_bytes: u64,
    /// How often which bound of the state was reached.
    pub(in crate::store) reached: BTreeMap<Bound, u64>,
}

/// Runs all jobs in one transaction and commits it. After an error nothing of it is stored.
pub(in crate::store) fn commit(connection: &mut Connection, jobs: &[Job], probe_kb: usize) -> rusqlite::Result<Committed> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let tasks: Vec<&Task> = jobs.iter().map(|job| &job.task).collect();
    let committed = run(&transaction, &tasks, Origin::Local { probe_kb })?;
    transaction.commit()?;
    Ok(committed)
}

/// Applies entries of a log in one transaction and commits it, with the number of the last one. After an error nothing of it is stored.
///
/// Each entry is a group of its own, so what an entry changes does not depend on the entries that share its transaction.
pub(in crate::store) fn commit_entries<'a>(
    connection: &mut Connection,
    entries: impl Iterator<Item = EntryTasks<'a>>,
) -> rusqlite::Result<Vec<Committed>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut committed = Vec::new();
    for EntryTasks { number, id, tasks } in entries {
        let is_new = applied::record(&transaction, number, &id)?;
        let tasks: Vec<&Task> = tasks.iter().filter(|_| is_new).collect();
        committed.push(run(&transaction, &tasks, Origin::Entry(number))?);
    }
    transaction.commit()?;
    Ok(committed)
}

/// An entry of a log.
pub(in crate::store) struct EntryTasks<'a> {
    pub(in crate::store) number: u64,
    pub(in crate::store) id: Uuid,
    pub(in crate::store) tasks: &'a [Task],
}

/// Where tasks come from.
#[derive(Clone, Copy)]
enum Origin {
    /// From this node alone. A probe writes this many KB.
    Local { probe_kb: usize },
    /// From the entry with this number.
    Entry(u64),
}

/// Runs tasks within a transaction.
fn run(transaction: &Transaction<'_>, tasks: &[&Task], origin: Origin) -> rusqlite::Result<Committed> {
    let mut log = Appender::begin(transaction)?;
    let mut state = StateUpdater::begin(transaction)?;
    let mut outcomes = Vec::with_capacity(tasks.len());
    while let Some(task) = tasks.get(outcomes.len()) {
        let mut outcome = Outcome::default();
        match task {
            Task::Append(request) => {
                // Requests of one project that follow each other share segments.
                let project = request.project;
                let requests: Vec<_> = tasks[outcomes.len()..].iter().map_while(|task| task.append_request(project)).collect();
                let (appended, new_state_events) = log.append(project, &requests)?;
                new_state_events.iter().try_for_each(|event| state.apply_event(project, event))?;
                outcomes.extend(appended.into_iter().map(|appended| Outcome { appended, ..Outcome::default() }));
                continue;
            }
            Task::ApplyRecords(batch) | Task::ImportFields(batch) => outcome.refused = state.apply_records(batch)?,
            Task::Import(project, records) => imports::import(transaction, &mut state, *project, records)?,
            Task::DeleteEvents(project, found) => apply::delete_events(transaction, &mut state, *project, found)?,
            Task::FinishErasure(erasure) => outcome.erased = apply::finish(transaction, &mut state, erasure)?,
            Task::Trim(before, limit) => outcome.trimmed = trim(transaction, &mut state, *before, *limit)?,
            Task::AddProject(token) => outcome.project = project_number(transaction, token)?,
            Task::ChangeFile(change) => match origin {
                Origin::Entry(number) => group_files::change(transaction, number, change)?,
                // Without a log the file itself is what counts.
                Origin::Local { .. } => {}
            },
            Task::Probe => match origin {
                Origin::Local { probe_kb } => probe_write(transaction, probe_kb)?,
                Origin::Entry(_) => {}
            },
        }
        outcomes.push(outcome);
    }
    let (change, reached) = state.finish()?;
    let head = log.finish()?;
    let trimmed = Watermarks::read(transaction)?.trimmed_until;
    let database_bytes = database_bytes(transaction)?;
    Ok(Committed { outcomes, head, position: Position { change, event: head.0, trimmed }, database_bytes, reached })
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
