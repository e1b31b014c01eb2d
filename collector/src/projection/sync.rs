//! Brings changes from the store into the projection, in large batches, away from everybody who waits for an answer.
//!
//! A thread of its own asks for the changes after its watermark whenever the store tells of new ones. Between two batches it rests a
//! moment, so that many small changes become one commit; whoever waits for fresh records cuts the rest short.
//!
//! What a record shows of its line items' goods comes from the catalogue, so records are brought again when that changes. It is the projection
//! that knows which records name what, so none of this costs the store's writing anything. A bestseller stands in many records: they are
//! brought again a page at a time, and whatever else changed goes before the next page.
//!
//! Nothing ends it but the server. A step that fails or panics changed nothing; it is tried again, each time after a longer while. If that
//! does not help the engine is opened again, and if that does not help either the projection is built anew.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::Error;
use crate::projection::lag::{self, Freshness, Reading};
use crate::projection::product_resync::Round;
use crate::projection::{Document, Projection, Watermarks};

/// The most changes of one kind in one batch.
pub const BATCH: usize = 20_000;
/// How long a batch gathers. With the time that two batches take, records stay younger than two seconds.
const REST: Duration = Duration::from_millis(1_200);
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

/// Goods of which something that records show has changed.
#[derive(Default)]
pub struct Goods {
    /// Each by its project and the id under which a line item names it.
    pub items: Vec<(i64, String)>,
    /// The number up to which none is missing.
    pub complete: i64,
}

/// Where changes come from. `head` is a number that is known to be stored.
pub trait Source: Send {
    /// Returns what changed after a number, about [`BATCH`] records.
    fn changes(&mut self, after: i64, head: i64) -> Result<Part, Error>;

    /// Returns the goods that changed after a number.
    fn goods(&mut self, after: i64, head: i64) -> Result<Goods, Error>;

    /// Returns orders and carts of the shop's own as they are now, by project and key, and the returns that show what those orders show.
    fn again(&mut self, keys: &[(i64, String)]) -> Result<Vec<Document>, Error>;

    /// Returns returns that name goods themselves, as they are now: those behind `after`, about `limit` of them; and the last place that
    /// was looked at, unless there are no more.
    fn returns(&mut self, goods: &[(i64, String)], after: &Place, limit: usize) -> Result<(Vec<Document>, Option<Place>), Error>;
}

/// A return's project and key.
pub type Place = (i64, String);

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
        lag::print(Some(&self.read()))
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
pub fn start(projection: Arc<Projection>, source: Box<dyn Source>, head: watch::Receiver<i64>) -> Result<Progress, Error> {
    let marks = projection.marks()?;
    let (announce, done) = watch::channel(marks.reached());
    let (hurry, freshness) = (Arc::new(Notify::new()), Arc::new(Freshness::default()));
    let feeder = Feeder { projection, source, announce, marks, round: None, freshness: Arc::clone(&freshness) };
    let progress = Progress { done, head: head.clone(), hurry: Arc::clone(&hurry), freshness };
    tokio::spawn(feeder.run(head, hurry));
    Ok(progress)
}

struct Feeder {
    projection: Arc<Projection>,
    source: Box<dyn Source>,
    announce: watch::Sender<i64>,
    marks: Watermarks,
    round: Option<Round>,
    freshness: Arc<Freshness>,
}

impl Feeder {
    async fn run(mut self, mut head: watch::Receiver<i64>, hurry: Arc<Notify>) {
        loop {
            let wanted = *head.borrow_and_update();
            if self.marks.reached() < wanted {
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
                    None if self.marks.reached() >= wanted => rest(&hurry).await,
                    None => {}
                }
            } else if head.changed().await.is_err() {
                return;
            } else {
                rest(&hurry).await;
            }
        }
    }

    /// Brings a batch, a page, or one of each. Returns how long to wait before the next step, where it failed.
    fn step(mut self, wanted: i64) -> (Self, Option<Duration>) {
        let result = catch_unwind(AssertUnwindSafe(|| {
            let is_behind = self.marks.records < wanted;
            if is_behind {
                self.bring(wanted)?;
            }
            // Under load something has always changed, which must not keep a round from ending.
            if is_behind && self.round.is_none() { Ok(()) } else { self.bring_again() }
        }));
        match result.unwrap_or_else(|panic| Err(Error::Engine(words(&*panic)))) {
            Ok(()) => {
                self.freshness.came_along(self.marks.reached() >= wanted);
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
        let Part { documents, complete } = self.source.changes(self.marks.records, wanted)?;
        let goods = self.look(complete)?;
        let marks = Watermarks { records: complete, goods };
        self.projection.apply(&documents, marks)?;
        if complete < wanted {
            tracing::info!(done = complete, of = wanted, "bringing records into the projection");
        }
        self.came_to(marks);
        Ok(())
    }

    /// Brings a page of the records whose goods have changed.
    fn bring_again(&mut self) -> Result<(), Error> {
        let goods = self.look(self.marks.records)?;
        let (documents, goods) = match &mut self.round {
            Some(round) => round.next(&self.projection, &mut *self.source)?.map_or((Vec::new(), round.complete), |page| (page, goods)),
            None => (Vec::new(), goods),
        };
        let marks = Watermarks { goods, ..self.marks };
        self.projection.apply(&documents, marks)?;
        match &mut self.round {
            Some(round) if goods < round.complete => round.turn(),
            _ => self.round = None,
        }
        self.came_to(marks);
        Ok(())
    }

    /// Begins a round where goods have changed up to `head`. Returns the number up to which none are left to see to.
    fn look(&mut self, head: i64) -> Result<i64, Error> {
        if self.round.is_some() || self.marks.goods >= head {
            return Ok(self.marks.goods);
        }
        let goods = self.source.goods(self.marks.goods, head)?;
        if goods.items.is_empty() {
            return Ok(goods.complete.max(self.marks.goods));
        }
        self.round = Some(Round::new(goods));
        Ok(self.marks.goods)
    }

    /// Does more than trying again, where that was not enough.
    fn mend(&mut self, failures: u64, wanted: i64) {
        let anew = failures == REBUILD;
        if !failures.is_multiple_of(REOPEN) {
            return;
        }
        tracing::warn!(anew, "opening the projection again");
        self.round = None;
        match catch_unwind(AssertUnwindSafe(|| self.projection.reopen(anew, wanted))) {
            Ok(Ok(marks)) => self.came_to(marks),
            Ok(Err(error)) => tracing::error!(?error, "cannot open the projection again"),
            Err(panic) => tracing::error!(error = words(&*panic), "cannot open the projection again"),
        }
    }

    fn came_to(&mut self, marks: Watermarks) {
        self.marks = marks;
        self.announce.send_replace(marks.reached());
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
    use serde_json::json;

    use super::*;
    use crate::metrics::catalog::{Family, Resource};
    use crate::metrics::parse::{self, Context, Type};
    use crate::metrics::sql::{Cell, Scope, duckdb};

    /// A store with one order, whose first readings go wrong: by turns it panics and fails.
    struct Faulty {
        faults: usize,
        calls: usize,
    }

    fn faulty(faults: usize) -> Box<dyn Source> {
        Box::new(Faulty { faults, calls: 0 })
    }

    impl Source for Faulty {
        fn changes(&mut self, after: i64, head: i64) -> Result<Part, Error> {
            self.calls += 1;
            match self.calls {
                call if call > self.faults => {}
                call if call.is_multiple_of(2) => return Err(Error::CannotStore),
                _ => panic!("a fault of the test"),
            }
            let json = json!({"id": "1", "status": "placed", "current_date": "2022-01-01T00:00:00Z"}).to_string();
            let document = Document { project: 1, family: Family::Orders, key: "1".into(), change: 1, json: Some(json) };
            Ok(Part { documents: if after < 1 { vec![document] } else { Vec::new() }, complete: head })
        }

        fn goods(&mut self, _: i64, head: i64) -> Result<Goods, Error> {
            Ok(Goods { items: Vec::new(), complete: head })
        }

        fn again(&mut self, _: &[(i64, String)]) -> Result<Vec<Document>, Error> {
            Ok(Vec::new())
        }

        fn returns(&mut self, _: &[(i64, String)], _: &Place, _: usize) -> Result<(Vec<Document>, Option<Place>), Error> {
            Ok((Vec::new(), None))
        }
    }

    fn orders(projection: &Projection) -> Option<Cell> {
        let body = json!({"stats": {"field": "order.id", "operator": "value_count"}});
        let context = Context { organization: "t", now: 1_641_000_000_000, longest_days: parse::LONGEST_DAYS };
        let query = parse::plan(Resource::find("orders")?, Type::Stats, &body, context).ok()?;
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
        let part = faulty(0).changes(0, 1).unwrap();
        projection.apply(&part.documents, Watermarks::at(1)).unwrap();
        assert_eq!((projection.reopen(false, 1).unwrap(), orders(&projection)), (Watermarks::at(1), Some(Cell::Whole(1))));
        assert_eq!((projection.reopen(true, 1).unwrap(), orders(&projection)), (Watermarks { records: 0, goods: 1 }, Some(Cell::Whole(0))));
        projection.apply(&part.documents, Watermarks::at(1)).unwrap();
        assert_eq!(orders(&projection), Some(Cell::Whole(1)));
    }
}
