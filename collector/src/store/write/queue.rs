//! The queue of tasks for the writing thread.
//!
//! It is bounded by requests and by bytes, so that a flood takes a known amount of memory. A request that finds it full is rejected, and the
//! client retries later.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc, oneshot};

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
    permits: Arc<Semaphore>,
    kilobytes: u32,
}

/// Creates a queue and returns both ends.
pub(in crate::store) fn new(limits: Limits) -> (Queue, mpsc::Receiver<Job>) {
    let (jobs, receiver) = mpsc::channel(limits.requests);
    let permits = Arc::new(Semaphore::new(limits.kilobytes as usize));
    (Queue { jobs, permits, kilobytes: limits.kilobytes }, receiver)
}

impl Queue {
    /// Waits until the task is durable. An error means that none of it was stored, or that it must not be acknowledged.
    pub(in crate::store) async fn run(&self, task: Task) -> Result<Outcome, StoreError> {
        let kilobytes = u32::try_from(task.memory_bytes() / 1024).unwrap_or(u32::MAX).saturating_add(1);
        // A task that is larger than the queue still passes when it is alone.
        let share = kilobytes.min(self.kilobytes);
        let permit = Arc::clone(&self.permits).try_acquire_many_owned(share).map_err(|_| StoreError::QueueFull)?;
        let (response, stored) = oneshot::channel();
        self.jobs.try_send(Job { task, response, permit }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::QueueFull,
            mpsc::error::TrySendError::Closed(_) => StoreError::Write,
        })?;
        stored.await.unwrap_or(Err(StoreError::Write))
    }

    /// Returns how many requests have no response yet. Each job holds a permit, and each permit holds a reference to the semaphore.
    pub(in crate::store) fn waiting(&self) -> usize {
        Arc::strong_count(&self.permits) - 1
    }
}
