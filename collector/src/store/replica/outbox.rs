//! Gathers requests as the next entry.
//!
//! Requests gather while the caller waits for earlier entries, so the slower the log is, the more requests share an entry. While several clients
//! send small requests, they also gather for a moment: an entry costs every server and every node more than a small request in it.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::entry::Entry;
use super::inbox::{Inbox, Work};
use super::pending::Pending;
use crate::clock;
use crate::store::error::StoreError;
use crate::store::tasks::{Job, Task};
use crate::store::write::disk_space::Reserve;

/// An entry with this many bytes of memory gets no further request.
const FULL_ENTRY_BYTES: usize = 256 * 1024;

/// How long small requests gather, if the entry before had more than one.
const GATHER_TIME: Duration = Duration::from_millis(1);

/// A request with fewer bytes of memory is small.
const SMALL_REQUEST_BYTES: usize = 4 * 1024;

/// The most requests of an entry.
const MAX_JOBS: usize = 1_024;

/// An entry to publish. Until it is applied or has failed, its requests wait.
pub struct OutgoingEntry {
    /// The id of the entry, under which the log recognises a repetition.
    pub id: Uuid,
    /// The encoded entry.
    pub bytes: Bytes,
}

/// The requests that wait for an entry.
pub struct Outbox {
    jobs: mpsc::Receiver<Job>,
    /// The first request of the next entry.
    next: Option<Job>,
    /// Whether the last entry had more than one request.
    is_shared: bool,
    pending: Pending,
    inbox: Inbox,
    reserve: Reserve,
}

impl Outbox {
    pub(in crate::store) fn new(jobs: mpsc::Receiver<Job>, pending: Pending, inbox: Inbox, reserve: Reserve) -> Self {
        Self { jobs, next: None, is_shared: false, pending, inbox, reserve }
    }

    /// Returns the next entry, of at most `max_bytes`, or None when the store closes. It may be dropped while it waits.
    pub async fn next(&mut self, max_bytes: usize) -> Option<OutgoingEntry> {
        loop {
            let first = match self.next.take() {
                Some(job) => job,
                None => self.wait_for_requests().await?,
            };
            if matches!(first.task, Task::Probe) {
                // The channel is closed only while the store closes.
                let _ = self.inbox.send(Work::Local(first)).await;
                continue;
            }
            let jobs = self.gather(first);
            if let Some(entry) = self.encode(jobs, max_bytes) {
                return Some(entry);
            }
        }
    }

    /// Waits for a request, and for a moment for others if small ones come from several clients. Returns None when the store closes.
    async fn wait_for_requests(&mut self) -> Option<Job> {
        let first = self.jobs.recv().await?;
        if !self.is_shared || first.task.memory_bytes() >= SMALL_REQUEST_BYTES {
            return Some(first);
        }
        // It stays here if this future is dropped.
        self.next = Some(first);
        tokio::time::sleep(GATHER_TIME).await;
        self.next.take()
    }

    /// Takes the requests that wait, up to the size of an entry.
    fn gather(&mut self, first: Job) -> Vec<Job> {
        let mut bytes = first.task.memory_bytes();
        let mut jobs = vec![first];
        while jobs.len() < MAX_JOBS
            && let Ok(job) = self.jobs.try_recv()
        {
            bytes += job.task.memory_bytes();
            if bytes > FULL_ENTRY_BYTES || matches!(job.task, Task::Probe) {
                self.next = Some(job);
                break;
            }
            jobs.push(job);
        }
        self.is_shared = jobs.len() > 1;
        jobs
    }

    fn encode(&self, mut jobs: Vec<Job>, max_bytes: usize) -> Option<OutgoingEntry> {
        if self.reserve.is_exhausted() {
            jobs.extract_if(.., |job| job.task.needs_disk_space()).for_each(|job| job.respond(Err(StoreError::DiskFull)));
        }
        if jobs.is_empty() {
            return None;
        }
        let id = new_id()?;
        let bytes = Entry::encode(id, jobs.iter().map(|job| &job.task))?;
        if bytes.len() > max_bytes {
            // Together the requests of an entry are small: only one that is large by itself reaches this.
            jobs.into_iter().for_each(|job| job.respond(Err(StoreError::TooLargeForLog { limit: max_bytes })));
            return None;
        }
        self.pending.insert(id, jobs);
        Some(OutgoingEntry { id, bytes: bytes.into() })
    }

    /// Returns a handle with which failures are reported.
    pub fn failures(&self) -> Failures {
        Failures(self.pending.clone())
    }

    /// Returns an entry without tasks, which tests whether the log accepts entries.
    pub fn empty_entry() -> Option<OutgoingEntry> {
        let id = new_id()?;
        Some(OutgoingEntry { id, bytes: Entry::encode(id, [])?.into() })
    }
}

/// Reports entries that were not published.
#[derive(Clone)]
pub struct Failures(Pending);

impl Failures {
    /// Answers the requests of an entry with an error.
    pub fn fail(&self, id: &Uuid, error: impl Fn() -> StoreError) {
        self.0.fail(id, error);
    }
}

fn new_id() -> Option<Uuid> {
    clock::random::<16>().ok().map(Uuid::from_bytes)
}
