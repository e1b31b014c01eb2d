//! How far the projection is, for requests that wait for it and for health checks.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::projection::lag::{self, Lag, SyncHealth};
use crate::projection::source::Position;

/// How long a request may wait for fresh records.
const MAX_FRESH_WAIT: Duration = Duration::from_secs(15);

/// How long an import may wait for the projection.
const MAX_IMPORT_WAIT: Duration = Duration::from_secs(10);

/// How many changes may be missing while an import goes on: about as many as the projection applies in three seconds.
const MAX_IMPORT_LAG: i64 = 40_000;

/// The progress of the sync task.
pub struct Progress {
    pub(super) done: watch::Receiver<Position>,
    pub(super) head: watch::Receiver<Position>,
    pub(super) skip_delay: Arc<Notify>,
    pub(super) health: Arc<SyncHealth>,
}

impl Progress {
    /// Waits until the projection contains everything that the store has now, and returns the position of that. Returns None after a timeout.
    pub async fn caught_up(&self) -> Option<Position> {
        let head = *self.head.borrow();
        let mut done = self.done.clone();
        let waiting = async {
            while !done.borrow_and_update().reaches(head) {
                // Each step may be followed by a delay.
                self.skip_delay.notify_one();
                done.changed().await.ok()?;
            }
            Some(head)
        };
        tokio::time::timeout(MAX_FRESH_WAIT, waiting).await.ok().flatten()
    }

    /// Waits while the projection is far behind. Gives up after a while, and at once if it does not follow the store.
    pub async fn nearly_caught_up(&self) {
        let head = self.head.borrow().change;
        let mut done = self.done.clone();
        let waiting = done.wait_for(|done| head - done.change <= MAX_IMPORT_LAG);
        if self.health_error().is_none() {
            // Neither an elapsed time nor the end of the task keeps the import from going on.
            let _ = tokio::time::timeout(MAX_IMPORT_WAIT, waiting).await;
        }
    }

    /// Returns the Prometheus lines about the projection.
    pub fn render(&self) -> String {
        lag::render(Some(&self.lag()))
    }

    /// Returns why the projection does not follow the store, as a sentence; `None` if it does.
    pub fn health_error(&self) -> Option<String> {
        self.lag().health_error()
    }

    fn lag(&self) -> Lag {
        self.health.read(self.done.borrow().missing_until(*self.head.borrow()))
    }
}
