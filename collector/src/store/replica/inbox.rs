//! The way of entries from the log to the writing thread.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::entry::Entry;
use super::pending::Pending;
use super::status::ReplicaStatus;
use crate::store::error::StoreError;
use crate::store::tasks::Job;

/// How many entries wait for the writing thread at most.
const MAX_WAITING: usize = 32;

/// What the writing thread does.
pub(in crate::store) enum Work {
    /// Apply an entry.
    Apply(Incoming),
    /// Run a task that concerns this store only.
    Local(Job),
}

/// An entry and its number in the log.
pub(in crate::store) struct Incoming {
    pub(in crate::store) number: u64,
    pub(in crate::store) entry: Entry,
}

/// Takes the entries of the log, in their order.
#[derive(Clone)]
pub struct Inbox {
    /// None once the store closes.
    work: Arc<Mutex<Option<mpsc::Sender<Work>>>>,
    status: ReplicaStatus,
    pending: Pending,
}

impl Inbox {
    pub(in crate::store) fn new(status: ReplicaStatus, pending: Pending) -> (Self, mpsc::Receiver<Work>) {
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        (Self { work: Arc::new(Mutex::new(Some(sender))), status, pending }, receiver)
    }

    /// Passes an entry to the writing thread, and waits while too many are waiting there. An entry that cannot be decoded stops the store.
    pub async fn push(&self, number: u64, bytes: &[u8]) -> Result<(), StoreError> {
        match Entry::decode(bytes) {
            Ok(entry) => self.send(Work::Apply(Incoming { number, entry })).await,
            Err(error) => {
                let reason = format!("entry {number} of the log cannot be applied: {error}");
                self.stop(reason.clone());
                Err(StoreError::LogStopped(reason))
            }
        }
    }

    /// Stops the store: no further entry is applied until the next start. Requests whose entries are on their way get an error.
    pub fn stop(&self, reason: String) {
        tracing::error!(reason, "the store stopped applying the log");
        self.status.stop(reason.clone());
        self.pending.fail_all(|| StoreError::LogStopped(reason.clone()));
    }

    pub(super) async fn send(&self, work: Work) -> Result<(), StoreError> {
        let sender = self.work.lock().unwrap_or_else(PoisonError::into_inner).clone();
        sender.ok_or(StoreError::Stopping)?.send(work).await.map_err(|_| StoreError::Stopping)
    }

    /// Lets the writing thread end when it has applied what it has.
    pub(in crate::store) fn close(&self) {
        *self.work.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
