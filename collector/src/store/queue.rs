//! What waits to be stored.
//!
//! The queue is bounded twice, by requests and by bytes, so that a flood costs a known amount of memory. Who finds it full is told to come
//! back: a page keeps its events until then.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::Appended;
use super::erasure::{Forgetting, Found};
use super::imported::Imported;
use super::pack::Pack;
use super::shop::{Record, Telling};
use super::trim::Trimmed;
use crate::Error;

/// How much may wait to be stored.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most requests.
    pub requests: usize,
    /// The most text of events, in KB.
    pub kilobytes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests: 8192, kilobytes: 64 * 1024 }
    }
}

/// The events of one request.
#[derive(Debug)]
pub(super) struct Entries {
    /// The project's number in the store.
    pub(super) project: i64,
    /// The events.
    pub(super) pack: Pack,
}

/// Something to store.
pub(super) enum Task {
    /// Events.
    Append(Entries),
    /// What a back end tells.
    Tell(Telling),
    /// Imported records of this project, in place of their earlier states.
    Import(i64, Vec<Imported>),
    /// Events of this project to take out.
    Strike(i64, Vec<Found>),
    /// Somebody to take out of everything else.
    Forget(Box<Forgetting>),
    /// Take out what came before this time, in milliseconds since 1970, at most so many events.
    Trim(u64, usize),
    /// Nothing in particular: whether it can be stored is the question.
    Probe,
}

/// What became of a task.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcome {
    /// Of events that were to be stored.
    pub(super) appended: Appended,
    /// Of what was to be taken out of the log.
    pub(super) trimmed: Trimmed,
}

/// Something to store, and who waits for it.
pub(super) struct Job {
    pub(super) task: Task,
    pub(super) answer: oneshot::Sender<Result<Outcome, Error>>,
    /// Its share of the queue's bytes, given back when the job is done.
    pub(super) room: OwnedSemaphorePermit,
}

impl Job {
    /// Tells who waits what became of it. By then its room is free: what the queue is said to hold is never what is answered already.
    pub(super) fn answer(self, outcome: Result<Outcome, Error>) {
        let Self { answer, room, .. } = self;
        drop(room);
        // Who does not wait any more has lost the connection, and will send again.
        let _ = answer.send(outcome);
    }
}

/// The end at which requests are put in.
pub(super) struct Queue {
    jobs: mpsc::Sender<Job>,
    room: Arc<Semaphore>,
    kilobytes: u32,
}

/// Makes a queue and returns both its ends.
pub(super) fn new(limits: Limits) -> (Queue, mpsc::Receiver<Job>) {
    let (jobs, waiting) = mpsc::channel(limits.requests);
    let room = Arc::new(Semaphore::new(limits.kilobytes as usize));
    (Queue { jobs, room, kilobytes: limits.kilobytes }, waiting)
}

impl Queue {
    pub(super) async fn append(&self, entries: Entries) -> Result<Appended, Error> {
        self.put(kilobytes(entries.pack.weight()), Task::Append(entries)).await.map(|outcome| outcome.appended)
    }

    pub(super) async fn tell(&self, telling: Telling) -> Result<(), Error> {
        let texts =
            |record: &Record| 256 + record.id.len() + record.fields.iter().map(|(name, value)| name.len() + size(value)).sum::<usize>();
        let bytes: usize = telling.records.iter().map(texts).sum();
        self.put(kilobytes(bytes), Task::Tell(telling)).await.map(|_| ())
    }

    pub(super) async fn import(&self, project: i64, records: Vec<Imported>) -> Result<(), Error> {
        let bytes: usize = records.iter().map(|record| 256 + record.id.len() + record.json.len()).sum();
        self.put(kilobytes(bytes), Task::Import(project, records)).await.map(|_| ())
    }

    pub(super) async fn strike(&self, project: i64, found: Vec<Found>) -> Result<(), Error> {
        self.put(kilobytes(64 * found.len()), Task::Strike(project, found)).await.map(|_| ())
    }

    pub(super) async fn forget(&self, forgetting: Forgetting) -> Result<(), Error> {
        self.put(1, Task::Forget(Box::new(forgetting))).await.map(|_| ())
    }

    pub(super) async fn trim(&self, before: u64, limit: usize) -> Result<Trimmed, Error> {
        self.put(1, Task::Trim(before, limit)).await.map(|outcome| outcome.trimmed)
    }

    pub(super) async fn probe(&self) -> Result<(), Error> {
        self.put(1, Task::Probe).await.map(|_| ())
    }

    /// Returns how many were put in and not yet answered. Each holds its room, and each room holds the semaphore.
    pub(super) fn waiting(&self) -> usize {
        Arc::strong_count(&self.room) - 1
    }

    async fn put(&self, kilobytes: u32, task: Task) -> Result<Outcome, Error> {
        // Something larger than the whole queue still gets through when it is alone.
        let share = kilobytes.min(self.kilobytes);
        let room = Arc::clone(&self.room).try_acquire_many_owned(share).map_err(|_| Error::QueueFull)?;
        let (answer, stored) = oneshot::channel();
        self.jobs.try_send(Job { task, answer, room }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Error::QueueFull,
            mpsc::error::TrySendError::Closed(_) => Error::CannotStore,
        })?;
        stored.await.unwrap_or(Err(Error::CannotStore))
    }
}

fn kilobytes(bytes: usize) -> u32 {
    u32::try_from(bytes / 1024).unwrap_or(u32::MAX).saturating_add(1)
}

/// Returns about how many bytes a value takes.
fn size(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::String(text) => 32 + text.len(),
        serde_json::Value::Array(elements) => elements.iter().map(size).sum::<usize>() + 32,
        serde_json::Value::Object(members) => members.iter().map(|(name, value)| 64 + name.len() + size(value)).sum::<usize>() + 32,
        _ => 32,
    }
}
