//! Brings changes from the store into the projection, in large batches, away from everybody who waits for an answer.
//!
//! A thread of its own asks for the changes after its watermark whenever the store tells of new ones. Between two batches it rests a
//! moment, so that many small changes become one commit; whoever waits for fresh records cuts the rest short.
//!
//! Nothing ends it but the server. A step that fails or panics changed nothing; it is tried again, each time after a longer while. If that
//! does not help the engine is opened again, and if that does not help either the projection is built anew.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::freshness::{self, Freshness, Reading};
use super::{Document, Projection};
use crate::Error;

/// The most changes of one kind in one batch.
pub const BATCH: usize = 20_000;
/// How long a batch gathers. With the time that two batches take, records stay younger than two seconds.
const REST: Duration = Duration::from_millis(800);
/// How long to wait after the first failure; after each further one it is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest wait after a failure.
const LAST_WAIT: Duration = Duration::from_secs(60);
/// After so many failures in a row the engine is opened again, and after as many once more.
const REOPEN: u64 = 3;
/// After so many failures in a row the projection is built anew, once.
const REBUILD: u64 = 9;
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
    freshness: Arc<Freshness>,
}

impl Progress {
    /// Waits until everything that is in the store now is in the projection; false if that takes too long.
    pub async fn caught_up(&self) -> bool {
        let head = *self.head.borrow();
        let mut done = self.done.clone();
        self.hurry.notify_one();
        let waiting = done.wait_for(|done| *done >= head);
        tokio::time::timeout(LONGEST_WAIT, waiting).await.is_ok_and(|waited| waited.is_ok())
    }

    /// Prints how fresh the projection is, for an operator's Prometheus.
    pub fn print(&self) -> String {
        freshness::print(Some(&self.read()))
    }

    /// Returns what keeps the projection from following, in a sentence; `None` where nothing does.
    pub fn ailment(&self) -> Option<String> {
        self.read().ailment()
    }

    fn read(&self) -> Reading {
        self.freshness.read(*self.head.borrow() - *self.done.borrow())
    }
}

/// Starts bringing changes over, until the store's end of `head` is gone.
pub fn start(projection: Arc<Projection>, source: Source, head: watch::Receiver<i64>) -> Result<Progress, Error> {
    let watermark = projection.watermark()?;
    let (announce, done) = watch::channel(watermark);
    let (hurry, freshness) = (Arc::new(Notify::new()), Arc::new(Freshness::default()));
    let feeder = Feeder { projection, source, announce, watermark, freshness: Arc::clone(&freshness) };
    let progress = Progress { done, head: head.clone(), hurry: Arc::clone(&hurry), freshness };
    tokio::spawn(feeder.run(head, hurry));
    Ok(progress)
}

struct Feeder {
    projection: Arc<Projection>,
    source: Source,
    announce: watch::Sender<i64>,
    watermark: i64,
    freshness: Arc<Freshness>,
}

impl Feeder {
    async fn run(mut self, mut head: watch::Receiver<i64>, hurry: Arc<Notify>) {
        loop {
            let wanted = *head.borrow_and_update();
            if self.watermark < wanted {
                self.freshness.fell_behind();
                // Only a runtime that ends does not give it back.
                let Ok((feeder, wait)) = tokio::task::spawn_blocking(move || self.step(wanted)).await else { return };
                self = feeder;
                match wait {
                    Some(wait) => tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = ended(&mut head) => return,
                    },
                    // While changes never end, each batch costs much the same, however few are in it.
                    None if self.watermark >= wanted => rest(&hurry).await,
                    None => {}
                }
            } else if head.changed().await.is_err() {
                return;
            } else {
                rest(&hurry).await;
            }
        }
    }

    /// Brings a batch. Returns how long to wait before the next one, where it failed.
    fn step(mut self, wanted: i64) -> (Self, Option<Duration>) {
        let result = catch_unwind(AssertUnwindSafe(|| self.bring(wanted)));
        match result.unwrap_or_else(|panic| Err(Error::Engine(words(&*panic)))) {
            Ok(()) => {
                self.freshness.came_along(self.watermark >= wanted);
                (self, None)
            }
            Err(error) => {
                let failures = self.freshness.failed();
                tracing::error!(?error, failures, "cannot bring changes into the projection");
                self.mend(failures, wanted);
                let longer = u32::try_from(failures - 1).unwrap_or(u32::MAX).min(16);
                (self, Some(FIRST_WAIT.saturating_mul(1 << longer).min(LAST_WAIT)))
            }
        }
    }

    fn bring(&mut self, wanted: i64) -> Result<(), Error> {
        let Part { documents, complete: watermark } = (self.source)(self.watermark, wanted)?;
        self.projection.apply(&documents, watermark)?;
        if watermark < wanted {
            tracing::info!(done = watermark, of = wanted, "bringing records into the projection");
        }
        self.reached(watermark);
        Ok(())
    }

    /// Does more than trying again, where that was not enough.
    fn mend(&mut self, failures: u64, wanted: i64) {
        let anew = failures == REBUILD;
        if !failures.is_multiple_of(REOPEN) {
            return;
        }
        tracing::warn!(anew, "opening the projection again");
        match catch_unwind(AssertUnwindSafe(|| self.projection.reopen(anew, wanted))) {
            Ok(Ok(watermark)) => self.reached(watermark),
            Ok(Err(error)) => tracing::error!(?error, "cannot open the projection again"),
            Err(panic) => tracing::error!(error = words(&*panic), "cannot open the projection again"),
        }
    }

    fn reached(&mut self, watermark: i64) {
        self.watermark = watermark;
        self.announce.send_replace(watermark);
    }
}

/// Lets changes gather, unless somebody waits for them.
async fn rest(hurry: &Notify) {
    let _ = tokio::time::timeout(REST, hurry.notified()).await;
}

/// Waits until the store is closed.
async fn ended(head: &mut watch::Receiver<i64>) {
    while head.changed().await.is_ok() {}
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panicked: {}", text.unwrap_or_else(|| "without words".into()))
}

#[cfg(all(test, feature = "duckdb"))]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use serde_json::json;

    use super::*;
    use crate::metrics::catalogue::{Family, Resource};
    use crate::metrics::plan::{self, Context, Type};
    use crate::metrics::print::{Cell, Scope, duckdb};

    /// A store with one order, whose first readings go wrong: by turns it panics and fails.
    fn faulty(faults: usize) -> Source {
        let calls = AtomicUsize::new(0);
        Box::new(move |after, head| {
            let call = calls.fetch_add(1, Relaxed);
            match call {
                _ if call >= faults => {}
                _ if call.is_multiple_of(2) => panic!("a fault of the test"),
                _ => return Err(Error::CannotStore),
            }
            let json = json!({"id": "1", "status": "placed", "current_date": "2022-01-01T00:00:00Z"}).to_string();
            let document = Document { project: 1, family: Family::Orders, key: "1".into(), change: 1, json: Some(json) };
            Ok(Part { documents: if after < 1 { vec![document] } else { Vec::new() }, complete: head })
        })
    }

    fn orders(projection: &Projection) -> Option<Cell> {
        let body = json!({"stats": {"field": "order.id", "operator": "value_count"}});
        let context = Context { organization: "t", now: 1_641_000_000_000, longest_days: plan::LONGEST_DAYS };
        let query = plan::plan(Resource::find("orders")?, Type::Stats, &body, context).ok()?;
        let tables = projection.run(&duckdb::print(&query, Scope { project: 1, organization: "t", markets: &[] })).ok()?;
        tables.first()?.first()?.get(4).cloned()
    }

    #[tokio::test]
    async fn panics_and_failures_are_survived_and_shown() {
        let folder = tempfile::tempdir().unwrap();
        let projection = Arc::new(Projection::open(&folder.path().join("a.duckdb"), 0).unwrap());
        let (told, head) = watch::channel(0);
        // The engine is opened again once on the way.
        let progress = start(Arc::clone(&projection), faulty(4), head).unwrap();
        assert!(progress.print().contains("tillroll_projection_up 1\n") && progress.ailment().is_none());
        told.send_replace(1);
        assert!(progress.caught_up().await);
        assert_eq!(orders(&projection), Some(Cell::Whole(1)));
        // The step that succeeded has announced itself before it is counted.
        while progress.ailment().is_some() {
            tokio::task::yield_now().await;
        }
        let text = progress.print();
        for line in ["tillroll_projection_up 1", "tillroll_projection_lag_changes 0", "tillroll_projection_failures_total 4"] {
            assert!(text.lines().any(|printed| printed == line), "{text}");
        }
    }

    #[tokio::test]
    async fn a_projection_that_stays_behind_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let projection = Arc::new(Projection::open(&folder.path().join("a.duckdb"), 0).unwrap());
        let (told, head) = watch::channel(0);
        let progress = start(projection, faulty(usize::MAX), head).unwrap();
        told.send_replace(1);
        while progress.ailment().is_none() {
            tokio::task::yield_now().await;
        }
        let text = progress.print();
        assert!(text.contains("tillroll_projection_up 0\n") && text.contains("tillroll_projection_lag_changes 1\n"), "{text}");
    }

    #[test]
    fn a_projection_is_opened_again_as_it_was_or_empty() {
        let folder = tempfile::tempdir().unwrap();
        let projection = Projection::open(&folder.path().join("a.duckdb"), 0).unwrap();
        let part = faulty(0)(0, 1).unwrap();
        projection.apply(&part.documents, 1).unwrap();
        assert_eq!((projection.reopen(false, 1).unwrap(), orders(&projection)), (1, Some(Cell::Whole(1))));
        assert_eq!((projection.reopen(true, 1).unwrap(), orders(&projection)), (0, Some(Cell::Whole(0))));
        projection.apply(&part.documents, 1).unwrap();
        assert_eq!(orders(&projection), Some(Cell::Whole(1)));
    }
}
