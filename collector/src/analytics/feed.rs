//! Brings changes from the store into the projection, in large batches, away from everybody who waits for an answer.
//!
//! A thread of its own asks for the changes after its watermark whenever the store tells of new ones. Between two batches it rests a
//! moment, so that many small changes become one commit; whoever waits for fresh records cuts the rest short.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::{Document, Projection};
use crate::Error;

/// The most changes of one kind in one batch.
pub const BATCH: usize = 20_000;
/// How long a batch gathers.
const REST: Duration = Duration::from_millis(500);
/// How long to wait after a failure.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long somebody may wait for fresh records.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// Some changes, in their order.
pub struct Part {
    /// The records as they are now.
    pub documents: Vec<Document>,
    /// The number up to which none is missing.
    pub complete: i64,
}

/// Where changes come from: those after a number, up to a number that is known to be stored, about [`BATCH`] of them.
pub type Source = Box<dyn FnMut(i64, i64) -> Result<Part, Error> + Send>;

/// How far the projection has come.
pub struct Progress {
    done: watch::Receiver<i64>,
    head: watch::Receiver<i64>,
    hurry: Arc<Notify>,
}

impl Progress {
    /// Returns how many changes are still to be brought over.
    pub fn behind(&self) -> i64 {
        (*self.head.borrow() - *self.done.borrow()).max(0)
    }

    /// Waits until everything that is in the store now is in the projection; false if that takes too long.
    pub async fn caught_up(&self) -> bool {
        let head = *self.head.borrow();
        let mut done = self.done.clone();
        self.hurry.notify_one();
        let waiting = done.wait_for(|done| *done >= head);
        tokio::time::timeout(LONGEST_WAIT, waiting).await.is_ok_and(|waited| waited.is_ok())
    }
}

/// Starts bringing changes over, until the store's end of `head` is gone.
pub fn start(projection: Arc<Projection>, source: Source, head: watch::Receiver<i64>) -> Result<Progress, Error> {
    let watermark = projection.watermark()?;
    let (announce, done) = watch::channel(watermark);
    let hurry = Arc::new(Notify::new());
    let feeder = Feeder { projection, source, announce, watermark };
    let progress = Progress { done, head: head.clone(), hurry: Arc::clone(&hurry) };
    tokio::spawn(feeder.run(head, hurry));
    Ok(progress)
}

struct Feeder {
    projection: Arc<Projection>,
    source: Source,
    announce: watch::Sender<i64>,
    watermark: i64,
}

impl Feeder {
    async fn run(mut self, mut head: watch::Receiver<i64>, hurry: Arc<Notify>) {
        loop {
            let wanted = *head.borrow_and_update();
            if self.watermark < wanted {
                let Ok((feeder, result)) = tokio::task::spawn_blocking(move || self.step(wanted)).await else {
                    return tracing::error!("bringing changes into the projection failed for good");
                };
                self = feeder;
                if let Err(error) = result {
                    tracing::error!(%error, "cannot bring changes into the projection");
                    tokio::time::sleep(PATIENCE).await;
                }
            } else if head.changed().await.is_err() {
                return;
            } else {
                let _ = tokio::time::timeout(REST, hurry.notified()).await;
            }
        }
    }

    fn step(mut self, wanted: i64) -> (Self, Result<(), Error>) {
        let result = self.bring(wanted);
        (self, result)
    }

    fn bring(&mut self, wanted: i64) -> Result<(), Error> {
        let Part { documents, complete: watermark } = (self.source)(self.watermark, wanted)?;
        self.projection.apply(&documents, watermark)?;
        if watermark < wanted {
            tracing::info!(done = watermark, of = wanted, "bringing records into the projection");
        }
        self.watermark = watermark;
        self.announce.send_replace(watermark);
        Ok(())
    }
}
