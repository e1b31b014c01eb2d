//! A sync task whose source fails at first, with the embedded engine.

use serde_json::json;

use super::*;
use crate::cancellation::Cancellation;
use crate::metrics::catalog::{RecordKind, Resource};
use crate::metrics::parse::{self, Context, QueryType};
use crate::metrics::rows::{Cell, Scope};
use crate::projection::document::{Document, JsonText, RecordKey};
use crate::projection::duckdb::DuckDbEngine;
use crate::projection::source::Origin;
use crate::projection::sql::Statement;
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
    fn origin(&mut self) -> Result<Origin, ProjectionError> {
        Ok(Origin { head: at(1), ..Origin::default() })
    }

    fn changes(&mut self, after: Position, head: Position) -> Result<Changes, ProjectionError> {
        self.calls += 1;
        match self.calls {
            call if call > self.failures => {}
            call if call.is_multiple_of(2) => return Err(StoreError::Write.into()),
            _ => panic!("injected panic"),
        }
        let json = json!({"id": "1", "status": "placed", "current_date": "2022-01-01T00:00:00Z"}).to_string();
        let document =
            Document { project: 1, record_kind: RecordKind::Orders, key: "1".into(), change: 1, json: Some(JsonText::Plain(json)) };
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
    let tables = engine.query(&query, &scope, Position::default(), &Cancellation::default()).ok()?;
    tables.first()?.first()?.get(4).cloned()
}

#[tokio::test]
async fn sync_recovers_from_panics_and_errors_and_reports_them() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Arc::new(DuckDbEngine::open(folder.path(), Position::default()).unwrap());
    let (store_head, head) = watch::channel(Position::default());
    // The third failure opens the engine again.
    let progress =
        start(Arc::<DuckDbEngine>::clone(&engine), failing_source(4), head, Turn::always(), Pace::default(), parse::ATTRIBUTION_DAYS)
            .unwrap();
    assert!(progress.render().contains("tillroll_projection_up 1\n") && progress.health_error().is_none());
    store_head.send_replace(at(1));
    assert_eq!(progress.caught_up().await, Some(at(1)));
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
async fn attribution_is_computed_while_no_changes_arrive() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Arc::new(DuckDbEngine::open(folder.path(), Position::default()).unwrap());
    let (store_head, head) = watch::channel(Position::default());
    let pace = Pace { idle_interval: Duration::from_millis(1), ..Pace::default() };
    let progress =
        start(Arc::<DuckDbEngine>::clone(&engine), failing_source(0), head, Turn::always(), pace, parse::ATTRIBUTION_DAYS).unwrap();
    store_head.send_replace(at(1));
    assert_eq!(progress.caught_up().await, Some(at(1)));
    let attributed = [Statement { text: "SELECT count(*) FROM order_attribution".into(), values: Vec::new() }];
    while engine.run(&attributed, &Cancellation::default()).unwrap() != [[[Cell::Integer(1)].to_vec()]] {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn projection_that_stays_behind_reports_it() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Arc::new(DuckDbEngine::open(folder.path(), Position::default()).unwrap());
    let (store_head, head) = watch::channel(Position::default());
    let progress = start(engine, failing_source(usize::MAX), head, Turn::always(), Pace::default(), parse::ATTRIBUTION_DAYS).unwrap();
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
    let mut source = failing_source(0);
    let (origin, changes) = (source.origin().unwrap(), source.changes(at(0), at(1)).unwrap());
    engine.apply(&changes.documents, &TrackedChanges::default(), at(1)).unwrap();
    assert_eq!((engine.reopen(false, &origin).unwrap(), orders(&engine)), (at(1), Some(Cell::Integer(1))));
    assert_eq!((engine.reopen(true, &origin).unwrap(), orders(&engine)), (at(0), Some(Cell::Integer(0))));
    engine.apply(&changes.documents, &TrackedChanges::default(), at(1)).unwrap();
    assert_eq!(orders(&engine), Some(Cell::Integer(1)));
}
