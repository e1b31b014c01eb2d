//! The queue of tasks for the writing thread.
//!
//! It is bounded by requests and by bytes, so that a flood takes a known amount of memory. A request that finds it full is rejected, and the
//! client retries later.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::store::cost;
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

/// What arrives once a task is durable.
type Response = oneshot::Receiver<Result<Outcome, StoreError>>;

/// Tasks in the queue.
#[derive(Debug)]
pub struct Queued(Vec<Response>);

impl Queued {
    /// Returns when all of the tasks are durable. After an error some of them may be stored.
    pub async fn stored(self) -> Result<(), StoreError> {
        self.outcomes().await.map(|_| ())
    }

    /// Likewise, and returns their outcomes.
    pub(in crate::store) async fn outcomes(self) -> Result<Vec<Outcome>, StoreError> {
        let mut outcomes = Vec::with_capacity(self.0.len());
        for response in self.0 {
            outcomes.push(response.await.unwrap_or(Err(StoreError::Write))?);
        }
        Ok(outcomes)
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
    /// Stores the tasks of a request in their order, and returns their outcomes when all are durable. Small tasks wait together, so that they
    /// share commits; large ones let other requests pass. After an error some of the tasks may be stored, and none may be acknowledged. All
    /// tasks count towards the limit of memory from the beginning.
    pub(in crate::store) async fn run(&self, tasks: Vec<Task>) -> Result<Vec<Outcome>, StoreError> {
        // A request that is larger than the queue still passes when it is alone.
        let all = tasks.iter().map(kilobytes).fold(0, u32::saturating_add).min(self.kilobytes);
        let mut permit = Arc::clone(&self.permits).try_acquire_many_owned(all).map_err(|_| StoreError::QueueFull)?;
        let mut outcomes = Vec::with_capacity(tasks.len());
        for part in cost::parts(tasks, Task::cost) {
            let mut responses = Vec::with_capacity(part.len());
            for task in part {
                let share = permit.num_permits().min(kilobytes(&task) as usize);
                responses.push(self.send(task, permit.split(share).ok_or(StoreError::QueueFull)?)?);
            }
            for response in responses {
                outcomes.push(response.await.unwrap_or(Err(StoreError::Write))?);
            }
        }
        Ok(outcomes)
    }

    /// Puts tasks into the queue, which stores them in their order. Unlike [`run`](Self::run) it lets large ones share commits too, which delays
    /// other requests. After an error some of them may be stored.
    pub(in crate::store) fn send_together(&self, tasks: impl Iterator<Item = Task>) -> Result<Queued, StoreError> {
        let send = |task: Task| {
            let share = kilobytes(&task).min(self.kilobytes);
            let permit = Arc::clone(&self.permits).try_acquire_many_owned(share).map_err(|_| StoreError::QueueFull)?;
            self.send(task, permit)
        };
        tasks.map(send).collect::<Result<_, _>>().map(Queued)
    }

    /// Puts a task into the queue.
    fn send(&self, task: Task, permit: OwnedSemaphorePermit) -> Result<Response, StoreError> {
        let slot = Arc::clone(&self.slots).try_acquire_owned().map_err(|_| StoreError::QueueFull)?;
        let (response, stored) = oneshot::channel();
        self.jobs.try_send(Job { task, response, permit, slot }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::QueueFull,
            mpsc::error::TrySendError::Closed(_) => StoreError::Write,
        })?;
        Ok(stored)
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
