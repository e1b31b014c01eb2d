//! The queue of tasks for the writing thread.
//!
//! It is bounded by requests and by bytes, so that a flood takes a known amount of memory. A request that finds it full is rejected, and the
//! client retries later.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::store::error::StoreError;
use crate::store::tasks::{Job, Outcome, Task};

/// The limits of the queue.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most requests.
    pub requests: usize,
    /// The most memory of tasks, in KB.
    pub kilobytes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests: 8192, kilobytes: 64 * 1024 }
    }
}

/// The sending end of the queue.
pub(in crate::store) struct Queue {
    jobs: mpsc::Sender<Job>,
    slots: Arc<Semaphore>,
    requests: usize,
    permits: Arc<Semaphore>,
    kilobytes: u32,
}

/// Creates a queue and returns both ends.
pub(in crate::store) fn new(limits: Limits) -> (Queue, mpsc::Receiver<Job>) {
    let (jobs, receiver) = mpsc::channel(limits.requests);
    let Limits { requests, kilobytes } = limits;
    let (slots, permits) = (Arc::new(Semaphore::new(requests)), Arc::new(Semaphore::new(kilobytes as usize)));
    (Queue { jobs, slots, requests, permits, kilobytes }, receiver)
}

impl Queue {
    /// Stores the tasks of a request one after the other, and returns their outcomes when all are durable. After an error the tasks before it
    /// may be stored, and none may be acknowledged. All tasks count towards the limit of memory from the beginning.
    pub(in crate::store) async fn run(&self, tasks: Vec<Task>) -> Result<Vec<Outcome>, StoreError> {
        let shares: Vec<u32> = tasks.iter().map(kilobytes).collect();
        // A request that is larger than the queue still passes when it is alone.
        let all = shares.iter().fold(0, |sum: u32, share| sum.saturating_add(*share)).min(self.kilobytes);
        let mut permit = Arc::clone(&self.permits).try_acquire_many_owned(all).map_err(|_| StoreError::QueueFull)?;
        let mut outcomes = Vec::with_capacity(tasks.len());
        for (task, share) in tasks.into_iter().zip(shares) {
            let own = permit.split(permit.num_permits().min(share as usize)).ok_or(StoreError::QueueFull)?;
            outcomes.push(self.run_one(task, own).await?);
        }
        Ok(outcomes)
    }

    async fn run_one(&self, task: Task, permit: OwnedSemaphorePermit) -> Result<Outcome, StoreError> {
        let slot = Arc::clone(&self.slots).try_acquire_owned().map_err(|_| StoreError::QueueFull)?;
        let (response, stored) = oneshot::channel();
        self.jobs.try_send(Job { task, response, permit, slot }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::QueueFull,
            mpsc::error::TrySendError::Closed(_) => StoreError::Write,
        })?;
        stored.await.unwrap_or(Err(StoreError::Write))
    }

    /// Returns how many requests have no response yet.
    pub(in crate::store) fn waiting(&self) -> usize {
        self.requests - self.slots.available_permits()
    }
}

/// Returns the share of a task in the queue's memory, in KB.
fn kilobytes(task: &Task) -> u32 {
    u32::try_from(task.memory_bytes() / 1024).unwrap_or(u32::MAX).saturating_add(1)
}
