//! The writing thread of a store that follows a replicated log: it applies the entries, several in one transaction.
//!
//! An entry that cannot be applied is never skipped: the thread tries it again until it succeeds, and meanwhile acknowledges nothing.
//!
//! The quorum of the log has an entry before it arrives here, so this store does not flush it: a loss of power may undo the last commits, and the
//! next start applies their entries again.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::mpsc;

use super::inbox::{Incoming, Work};
use super::pending::Pending;
use super::status::ReplicaStatus;
use crate::clock::{self, Stopwatch};
use crate::store::error::StoreError;
use crate::store::tasks::Task;
use crate::store::write::transaction::{Committed, EntryTasks, commit_entries};
use crate::store::write::writer::{EXPENSIVE_POLL, StoreWriter};

/// The most that the entries of one transaction cost, unless it is one entry.
const MAX_TRANSACTION_COST: usize = 40_000;

/// The time between two attempts to apply an entry.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// What the thread reports to the rest of the store.
pub(in crate::store) struct ReplicaOutputs {
    /// The requests whose entries are not applied yet.
    pub(in crate::store) pending: Pending,
    /// How far the log is applied.
    pub(in crate::store) status: ReplicaStatus,
}

impl StoreWriter {
    /// Applies entries until the store closes.
    pub(in crate::store) fn run_replica(mut self, mut work: mpsc::Receiver<Work>, outputs: &ReplicaOutputs) {
        self.flushes_commits = false;
        let mut entries = VecDeque::new();
        while self.receive(&mut work, &mut entries) {
            self.restart_log();
            if entries.is_empty() {
                continue;
            }
            if self.is_log_copied_first() && !work.is_closed() {
                clock::sleep(EXPENSIVE_POLL);
                continue;
            }
            if !self.apply(&mut entries, outputs) {
                if work.is_closed() {
                    break;
                }
                clock::sleep(RETRY_INTERVAL);
            }
        }
        outputs.pending.fail_all(|| StoreError::Stopping);
    }

    /// Takes what waits, and waits if there is nothing to do. Returns false if the store closes and nothing is left.
    fn receive(&mut self, work: &mut mpsc::Receiver<Work>, entries: &mut VecDeque<Incoming>) -> bool {
        let mut next = if entries.is_empty() {
            let Some(first) = work.blocking_recv() else { return false };
            Some(first)
        } else {
            work.try_recv().ok()
        };
        let mut cost = entries.iter().map(entry_cost).sum::<usize>();
        while let Some(item) = next {
            match item {
                Work::Apply(incoming) => {
                    cost += entry_cost(&incoming);
                    entries.push_back(incoming);
                }
                Work::Local(job) => self.store(vec![job]),
            }
            next = if cost < MAX_TRANSACTION_COST { work.try_recv().ok() } else { None };
        }
        true
    }

    /// Applies the first entries in one transaction. Returns false if that failed.
    fn apply(&mut self, entries: &mut VecDeque<Incoming>, ReplicaOutputs { pending, status }: &ReplicaOutputs) -> bool {
        let group = take_group(entries);
        let needs_space = group.iter().flat_map(|incoming| &incoming.entry.tasks).any(Task::needs_disk_space);
        let watch = Stopwatch::start();
        let applied = if needs_space && self.reserve.is_exhausted() {
            Err("the free disk space is below the reserve".to_owned())
        } else {
            self.apply_group(&group).map_err(|error| {
                self.failed(&error, 0);
                error.to_string()
            })
        };
        match applied {
            Ok(committed) => {
                self.telemetry.committed(watch.elapsed());
                self.succeeded();
                for (incoming, committed) in group.iter().zip(committed) {
                    let outcomes = self.publish(committed);
                    status.advanced(incoming.number);
                    pending.complete(&incoming.entry.id, outcomes);
                }
                self.after_commit();
                true
            }
            Err(error) => {
                let number = group.first().map_or(0, |first| first.number);
                let reason = format!("entry {number} of the log cannot be applied: {error}");
                if status.pause(reason.clone()) {
                    tracing::error!(reason, "the store stopped applying the log; it tries again until it succeeds");
                }
                pending.fail_all(|| StoreError::LogStopped(reason.clone()));
                group.into_iter().rev().for_each(|incoming| entries.push_front(incoming));
                false
            }
        }
    }

    fn apply_group(&mut self, group: &[Incoming]) -> rusqlite::Result<Vec<Committed>> {
        let entries = group.iter().map(|Incoming { number, entry }| EntryTasks { number: *number, id: entry.id, tasks: &entry.tasks });
        let committed = commit_entries(self.connection()?, entries)?;
        if group.iter().flat_map(|incoming| &incoming.entry.tasks).any(|task| matches!(task, Task::FinishErasure(_))) {
            self.empty_log();
        }
        Ok(committed)
    }
}

fn entry_cost(incoming: &Incoming) -> usize {
    incoming.entry.tasks.iter().map(Task::cost).sum::<usize>().max(1)
}

/// Moves the entries of one transaction.
fn take_group(entries: &mut VecDeque<Incoming>) -> Vec<Incoming> {
    let (mut group, mut spent) = (Vec::new(), 0);
    while let Some(incoming) = entries.pop_front_if(|next| spent == 0 || spent + entry_cost(next) <= MAX_TRANSACTION_COST) {
        spent += entry_cost(&incoming);
        group.push(incoming);
    }
    group
}
