//! Decides which waiting tasks the next transaction takes: cheap ones first, so that they never wait for more than one part of an expensive
//! request.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use super::share::RecentTasks;
use crate::store::cost;
use crate::store::tasks::Job;

/// The most that the cheap tasks of one transaction cost. It bounds how long the first of them waits for its response.
const MAX_CHEAP_COST: usize = 40_000;

/// The most that the expensive tasks of one transaction cost, unless it is one task.
const MAX_EXPENSIVE_COST: usize = cost::MAX_TASK;

/// Likewise, while no cheap tasks come: a flush to disk takes as long as several expensive tasks. A cheap task that comes during a transaction
/// waits for all of it.
const MAX_IDLE_COST: usize = 4 * cost::MAX_TASK;

/// The tasks that were taken from the queue and wait for their transaction.
#[derive(Default)]
pub(super) struct Backlog {
    cheap: VecDeque<Job>,
    expensive: VecDeque<Job>,
}

impl Backlog {
    /// Takes everything from the queue, and waits if there is nothing to do. Returns false if the queue is closed and nothing is left.
    pub(super) fn receive(&mut self, queue: &mut mpsc::Receiver<Job>) -> bool {
        if self.cheap.is_empty() && self.expensive.is_empty() {
            match queue.blocking_recv() {
                Some(job) => self.add(job),
                None => return false,
            }
        }
        while let Ok(job) = queue.try_recv() {
            self.add(job);
        }
        true
    }

    fn add(&mut self, job: Job) {
        let list = if job.task.is_expensive() { &mut self.expensive } else { &mut self.cheap };
        list.push_back(job);
    }

    /// Takes the tasks of the next transaction: cheap ones, and expensive ones if there are no cheap ones or if they have waited long.
    pub(super) fn next_group(&mut self, may_be_expensive: bool, recent: &RecentTasks) -> Vec<Job> {
        let mut group = Vec::with_capacity(self.cheap.len() + 1);
        take_up_to(MAX_CHEAP_COST, &mut self.cheap, &mut group);
        if may_be_expensive && (recent.is_expensive_due() || group.is_empty()) {
            let is_import = self.expensive.front().is_some_and(|job| job.task.is_import());
            // The owner chooses when to import.
            let is_idle = group.is_empty() && (is_import || !recent.has_cheap_load());
            let max_cost = if is_idle { MAX_IDLE_COST } else { MAX_EXPENSIVE_COST };
            take_up_to(max_cost, &mut self.expensive, &mut group);
        }
        group
    }
}

/// Moves tasks that cost at most this much, or the first one.
fn take_up_to(max_cost: usize, from: &mut VecDeque<Job>, to: &mut Vec<Job>) {
    let mut spent = 0;
    while let Some(job) = from.pop_front_if(|job| spent == 0 || spent + job.task.cost() <= max_cost) {
        spent += job.task.cost().max(1);
        to.push(job);
    }
}
