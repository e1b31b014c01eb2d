//! How far the store has applied the log, and why it stopped.

use tokio::sync::watch;

/// The progress of the writing thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The number of the last entry that was applied.
    pub applied: u64,
    /// Why the next entry cannot be applied.
    pub stopped: Option<String>,
    /// Whether no further attempt is made: the cause stays until the next start.
    pub is_final: bool,
}

/// The progress, which can be watched.
#[derive(Clone, Debug)]
pub struct ReplicaStatus(watch::Sender<Progress>);

impl ReplicaStatus {
    pub(in crate::store) fn new(applied: u64) -> Self {
        Self(watch::Sender::new(Progress { applied, ..Progress::default() }))
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

    /// Records that an entry was applied. Entries before one that can never be applied do not hide the reason of that.
    pub(in crate::store) fn advanced(&self, applied: u64) {
        self.0.send_modify(|progress| {
            progress.applied = applied;
            progress.stopped.take_if(|_| !progress.is_final);
        });
    }

    /// Records why the next entry cannot be applied now. Returns false if that, or a final reason, is recorded already.
    pub(in crate::store) fn pause(&self, reason: String) -> bool {
        self.0.send_if_modified(|progress| {
            let is_new = !progress.is_final && progress.stopped.as_ref() != Some(&reason);
            if is_new {
                progress.stopped = Some(reason);
            }
            is_new
        })
    }

    /// Records why this process can never apply the next entry.
    pub(in crate::store) fn stop(&self, reason: String) {
        self.0.send_modify(|progress| (progress.stopped, progress.is_final) = (Some(reason), true));
    }
}
