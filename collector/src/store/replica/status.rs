//! How far the store has applied the log, and why it stopped.

use tokio::sync::watch;

/// The progress of the writing thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The number of the last entry that was applied.
    pub applied: u64,
    /// Why the next entry cannot be applied.
    pub stopped: Option<String>,
}

/// The progress, which can be watched.
#[derive(Clone, Debug)]
pub struct ReplicaStatus(watch::Sender<Progress>);

impl ReplicaStatus {
    pub(in crate::store) fn new(applied: u64) -> Self {
        Self(watch::Sender::new(Progress { applied, stopped: None }))
    }

    /// Returns the progress.
    pub fn progress(&self) -> Progress {
        self.0.borrow().clone()
    }

    /// Returns the number of the last entry that was applied.
    pub fn applied(&self) -> u64 {
        self.0.borrow().applied
    }

    /// Returns why the next entry cannot be applied.
    pub fn stopped(&self) -> Option<String> {
        self.0.borrow().stopped.clone()
    }

    /// Watches the progress.
    pub fn watch(&self) -> watch::Receiver<Progress> {
        self.0.subscribe()
    }

    pub(in crate::store) fn advanced(&self, applied: u64) {
        self.0.send_replace(Progress { applied, stopped: None });
    }

    /// Records why the next entry cannot be applied. Returns false if that is recorded already.
    pub(in crate::store) fn stop(&self, reason: String) -> bool {
        self.0.send_if_modified(|progress| {
            let is_new = progress.stopped.as_ref() != Some(&reason);
            progress.stopped = Some(reason);
            is_new
        })
    }
}
