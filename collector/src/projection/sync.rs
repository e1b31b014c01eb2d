//! Applies the store's changes to the projection, in large batches, in a task of its own.
//!
//! The task reads the changes after its watermark whenever the store announces new ones. Between two batches it waits a moment, so that
//! many small changes share one commit; a request for fresh records ends that wait.
//!
//! Requests go first: a step runs with a lower priority, so a busy server answers as fast as before, and the projection is further behind.
//!
//! A changed product makes the task reload the records that show it. The projection finds them, which costs the store's writer nothing. A
//! bestseller is in many records: they are reloaded one page at a time, and other changes go first. Until then the stored watermark stays
//! where it is, so after a restart the task reads the changes since then again.
//!
//! Only the server's end stops the task. A step that fails or panics changes nothing and is retried with a growing delay. If that does not
//! help, the engine is opened again, and then the projection is rebuilt.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::priority::run_lowered;
use crate::projection::engine::AnalyticsEngine;
use crate::projection::error::ProjectionError;
use crate::projection::lag::{self, Lag, SyncHealth};
use crate::projection::product_resync::ProductResync;
use crate::projection::source::{ChangeSource, Changes, Position, TrackedChanges};

/// How long changes gather into a batch. With the time for two batches, records stay younger than two seconds.
const BATCH_DELAY: Duration = Duration::from_millis(1_200);
/// The delay after the first failure; each further failure doubles it.
const INITIAL_RETRY_DELAY: Duration = Duration::from_millis(100);
/// The longest delay after a failure.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(60);
/// The longest delay while a database does not answer: an attempt is cheap, and it may be back soon.
const MAX_UNAVAILABLE_DELAY: Duration = Duration::from_secs(5);
/// After every so many consecutive failures the engine is opened again.
const REOPEN_AFTER_FAILURES: u64 = 3;
/// After so many consecutive failures the projection is rebuilt, once.
const REBUILD_AFTER_FAILURES: u64 = 9;
/// How long a request may wait for fresh records.
const MAX_FRESH_WAIT: Duration = Duration::from_secs(15);

/// The position of an engine that is not open yet.
const NOT_OPEN: Position = Position { change: -1, event: -1, trimmed: -1 };

/// The progress of the sync task.
pub struct Progress {
    done: watch::Receiver<Position>,
    head: watch::Receiver<Position>,
    skip_delay: Arc<Notify>,
    health: Arc<SyncHealth>,
}

impl Progress {
    /// Waits until the projection contains everything that the store has now. Returns false after a timeout.
    pub async fn caught_up(&self) -> bool {
        let head = *self.head.borrow();
        let mut done = self.done.clone();
        self.skip_delay.notify_one();
        let waiting = done.wait_for(|done| done.reaches(head));
        tokio::time::timeout(MAX_FRESH_WAIT, waiting).await.is_ok_and(|waited| waited.is_ok())
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

/// Starts the sync task. It runs until the sender of `head` is dropped. An engine that is not open yet is opened by the task, as soon as that
/// is possible.
pub fn start(
    engine: Arc<dyn AnalyticsEngine>,
    source: Box<dyn ChangeSource>,
    head: watch::Receiver<Position>,
) -> Result<Progress, ProjectionError> {
    let (done, is_open) = match engine.watermark() {
        Ok(done) => (done, true),
        // Waiting requests must not take the position of an engine that was never opened for that of an empty store.
        Err(ProjectionError::Unavailable(_)) => (NOT_OPEN, false),
        Err(error) => return Err(error),
    };
    let (skip_delay, health) = (Arc::new(Notify::new()), Arc::new(SyncHealth::default()));
    let (announce, announced) = watch::channel(done);
    let mut task = SyncTask {
        engine,
        source,
        announce,
        is_open,
        done,
        applied: done,
        catalog: 0,
        resync: ProductResync::default(),
        health: Arc::clone(&health),
    };
    if is_open {
        task.start_at(done, *head.borrow());
    }
    let progress = Progress { done: announced, head: head.clone(), skip_delay: Arc::clone(&skip_delay), health };
    tokio::spawn(task.run(head, skip_delay));
    Ok(progress)
}

struct SyncTask {
    engine: Arc<dyn AnalyticsEngine>,
    source: Box<dyn ChangeSource>,
    announce: watch::Sender<Position>,
    is_open: bool,
    /// The stored watermark.
    done: Position,
    /// The position up to which everything was applied; records of changed products may still be missing.
    applied: Position,
    /// The last product change that all records of the projection show, because they were read after it.
    catalog: i64,
    resync: ProductResync,
    health: Arc<SyncHealth>,
}

impl SyncTask {
    async fn run(mut self, mut head: watch::Receiver<Position>, skip_delay: Arc<Notify>) {
        loop {
            let target = *head.borrow_and_update();
            if !self.is_open || !self.done.reaches(target) {
                self.health.mark_behind();
                // The join fails only when the runtime shuts down.
                let Ok((task, retry_delay)) = tokio::task::spawn_blocking(move || self.step(target)).await else { return };
                self = task;
                match retry_delay {
                    Some(delay) => tokio::select! {
                        () = tokio::time::sleep(delay) => {}
                        () = store_closed(&mut head) => return,
                    },
                    // A batch costs about the same whatever its size, so the delay also applies while changes keep coming.
                    None if self.done.reaches(target) => wait_for_batch(&skip_delay).await,
                    None => {}
                }
            } else if head.changed().await.is_err() {
                return;
            } else {
                wait_for_batch(&skip_delay).await;
            }
        }
    }

    /// Applies one batch, one re-sync page, or one of each. Returns the retry delay after a failure.
    fn step(mut self, target: Position) -> (Self, Option<Duration>) {
        let mut apply = || {
            if !self.is_open {
                let done = self.engine.reopen(false, target)?;
                self.start_at(done, target);
                self.is_open = true;
                return Ok(());
            }
            if !self.applied.reaches(target) {
                self.apply_changes(target)?;
            }
            // Under load there are always changes, which must not keep the re-sync from finishing.
            if self.done.change < self.applied.change { self.reload_page() } else { Ok(()) }
        };
        // A thread that cannot be started is a failure like others.
        let result = catch_unwind(AssertUnwindSafe(|| run_lowered(&mut apply)));
        match result.unwrap_or_else(|panic| Err(ProjectionError::Engine(panic_message(&*panic)))) {
            Ok(()) => {
                self.health.record_success(self.done.reaches(target));
                (self, None)
            }
            Err(error) => {
                let failures = self.health.record_failure();
                tracing::error!(?error, failures, "cannot apply changes to the projection");
                self.recover(&error, failures, target);
                let doublings = u32::try_from(failures - 1).unwrap_or(u32::MAX).min(16);
                let longest = if matches!(error, ProjectionError::Unavailable(_)) { MAX_UNAVAILABLE_DELAY } else { MAX_RETRY_DELAY };
                (self, Some(INITIAL_RETRY_DELAY.saturating_mul(1 << doublings).min(longest)))
            }
        }
    }

    fn apply_changes(&mut self, target: Position) -> Result<(), ProjectionError> {
        let Changes { documents, products, tracked, complete } = self.source.changes(self.applied, target)?;
        let catalog = self.catalog;
        let mut changed = products.into_iter().filter(|(change, _)| *change > catalog).map(|(_, product)| product).peekable();
        let is_complete = self.done.change == self.applied.change && changed.peek().is_none();
        let done = Position { change: if is_complete { complete.change } else { self.done.change }, ..complete };
        self.engine.apply(&documents, &tracked, done)?;
        if !complete.reaches(target) {
            tracing::info!(done = ?complete, of = ?target, "applying changes to the projection");
        }
        self.resync.add(changed);
        self.applied = complete;
        self.set_done(done);
        Ok(())
    }

    /// Reloads one page of the records that show changed products.
    fn reload_page(&mut self) -> Result<(), ProjectionError> {
        let documents = self.source.reload(self.resync.page(&*self.engine, self.applied.change)?)?;
        let change = self.resync.complete(self.applied.change).unwrap_or(self.done.change);
        let done = Position { change, ..self.done };
        self.engine.apply(&documents, &TrackedChanges { trimmed: done.trimmed, ..TrackedChanges::default() }, done)?;
        self.resync.advance();
        self.set_done(done);
        Ok(())
    }

    /// Opens the engine again, or rebuilds the projection, where retries alone did not help.
    fn recover(&mut self, error: &ProjectionError, failures: u64, head: Position) {
        match error {
            // A position that does not hold is read again, by the next step.
            ProjectionError::Moved => return self.is_open = false,
            // Neither helps against a database that does not answer.
            ProjectionError::Unavailable(_) => return,
            _ if !failures.is_multiple_of(REOPEN_AFTER_FAILURES) => return,
            _ => {}
        }
        let rebuild = failures == REBUILD_AFTER_FAILURES;
        tracing::warn!(rebuild, "opening the projection again");
        match catch_unwind(AssertUnwindSafe(|| run_lowered(|| self.engine.reopen(rebuild, head)))) {
            Ok(Ok(done)) => {
                self.start_at(done, head);
                self.is_open = true;
            }
            Ok(Err(error)) => tracing::error!(?error, "cannot open the projection again"),
            Err(panic) => tracing::error!(error = panic_message(&*panic), "cannot open the projection again"),
        }
    }

    /// Starts after the position `done`. `head` is the newest position: an empty projection will show all products as they are then, or newer.
    fn start_at(&mut self, done: Position, head: Position) {
        self.resync = ProductResync::default();
        self.applied = done;
        self.catalog = if done.change == 0 { head.change } else { 0 };
        self.set_done(done);
    }

    fn set_done(&mut self, done: Position) {
        self.done = done;
        self.announce.send_replace(done);
    }
}

/// Lets changes gather, unless a request waits for them.
async fn wait_for_batch(skip_delay: &Notify) {
    let _ = tokio::time::timeout(BATCH_DELAY, skip_delay.notified()).await;
}

/// Waits until the store is closed.
async fn store_closed(head: &mut watch::Receiver<Position>) {
    while head.changed().await.is_ok() {}
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panicked: {}", text.unwrap_or_else(|| "no message".into()))
}

#[cfg(all(test, feature = "duckdb"))]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cancellation::Cancellation;
    use crate::metrics::catalog::{RecordKind, Resource};
    use crate::metrics::parse::{self, Context, QueryType};
    use crate::metrics::rows::{Cell, Scope};
    use crate::projection::document::{Document, RecordKey};
    use crate::projection::duckdb::DuckDbEngine;
    use crate::store::StoreError;

    /// A store with one order whose first reads fail: in turns with a panic and an error.
    struct FailingSource {
        failures: usize,
        calls: usize,
    }

    fn at(change: i64) -> Position {
        Position { change, ..Position::default() }
    }

    fn failing_source(failures: usize) -> Box<dyn ChangeSource> {
        Box::new(FailingSource { failures, calls: 0 })
    }

    impl ChangeSource for FailingSource {
        fn changes(&mut self, after: Position, head: Position) -> Result<Changes, ProjectionError> {
            self.calls += 1;
            match self.calls {
                call if call > self.failures => {}
                call if call.is_multiple_of(2) => return Err(StoreError::Write.into()),
                _ => panic!("injected panic"),
            }
            let json = json!({"id": "1", "status": "placed", "current_date": "2022-01-01T00:00:00Z"}).to_string();
            let document = Document { project: 1, record_kind: RecordKind::Orders, key: "1".into(), change: 1, json: Some(json) };
            Ok(Changes {
                documents: if after.change < 1 { vec![document] } else { Vec::new() },
                products: Vec::new(),
                tracked: TrackedChanges::default(),
                complete: head,
            })
        }

        fn reload(&mut self, _: &[RecordKey]) -> Result<Vec<Document>, ProjectionError> {
            Ok(Vec::new())
        }
    }

    fn orders(engine: &DuckDbEngine) -> Option<Cell> {
        let body = json!({"stats": {"field": "order.id", "operator": "value_count"}});
        let context = Context {
            organization: "t",
            now: 1_641_000_000_000,
            attribution_days: parse::ATTRIBUTION_DAYS,
            max_range_days: parse::MAX_RANGE_DAYS,
        };
        let query = parse::parse(Resource::find("orders")?, QueryType::Stats, &body, context).ok()?;
        let scope = Scope { project: 1, organization: "t".into(), markets: Vec::new() };
        let tables = engine.query(&query, &scope, &Cancellation::default()).ok()?;
        tables.first()?.first()?.get(4).cloned()
    }

    #[tokio::test]
    async fn sync_recovers_from_panics_and_errors_and_reports_them() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Arc::new(DuckDbEngine::open(folder.path(), Position::default()).unwrap());
        let (store_head, head) = watch::channel(Position::default());
        // The third failure opens the engine again.
        let progress = start(Arc::<DuckDbEngine>::clone(&engine), failing_source(4), head).unwrap();
        assert!(progress.render().contains("tillroll_projection_up 1\n") && progress.health_error().is_none());
        store_head.send_replace(at(1));
        assert!(progress.caught_up().await);
        assert_eq!(orders(&engine), Some(Cell::Integer(1)));
        // The step announces its watermarks before it counts as a success.
        while progress.health_error().is_some() {
            tokio::task::yield_now().await;
        }
        let text = progress.render();
        for line in ["tillroll_projection_up 1", "tillroll_projection_lag_changes 0", "tillroll_projection_failures_total 4"] {
            assert!(text.lines().any(|printed| printed == line), "{text}");
        }
    }

    #[tokio::test]
    async fn projection_that_stays_behind_reports_it() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Arc::new(DuckDbEngine::open(folder.path(), Position::default()).unwrap());
        let (store_head, head) = watch::channel(Position::default());
        let progress = start(engine, failing_source(usize::MAX), head).unwrap();
        store_head.send_replace(at(1));
        while progress.health_error().is_none() {
            tokio::task::yield_now().await;
        }
        let text = progress.render();
        assert!(text.contains("tillroll_projection_up 0\n") && text.contains("tillroll_projection_lag_changes 1\n"), "{text}");
    }

    #[test]
    fn reopen_keeps_the_projection_and_rebuild_empties_it() {
        let folder = tempfile::tempdir().unwrap();
        let engine = DuckDbEngine::open(folder.path(), Position::default()).unwrap();
        let changes = failing_source(0).changes(at(0), at(1)).unwrap();
        engine.apply(&changes.documents, &TrackedChanges::default(), at(1)).unwrap();
        assert_eq!((engine.reopen(false, at(1)).unwrap(), orders(&engine)), (at(1), Some(Cell::Integer(1))));
        assert_eq!((engine.reopen(true, at(1)).unwrap(), orders(&engine)), (at(0), Some(Cell::Integer(0))));
        engine.apply(&changes.documents, &TrackedChanges::default(), at(1)).unwrap();
        assert_eq!(orders(&engine), Some(Cell::Integer(1)));
    }
}
