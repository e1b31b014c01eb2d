//! Two writers of one database: what the earlier one writes after the later one's claim does not count.

use serde_json::{Value, json};
use tillroll_collector::cancellation::Cancellation;
use tillroll_collector::metrics::catalog::{RecordKind, Resource};
use tillroll_collector::metrics::parse::{self, Context, MAX_RANGE_DAYS, QueryType};
use tillroll_collector::metrics::rows::{Cell, Rows, Scope};
use tillroll_collector::projection::source::{Origin, Position, TrackedChanges};
use tillroll_collector::projection::{AnalyticsEngine, ClickHouseEngine, Document, JsonText, ProjectionError};

use super::database::Database;

fn at(change: i64) -> Position {
    Position { change, ..Position::default() }
}

/// A store without a group, with this many changes.
fn store(change: i64) -> Origin {
    Origin { head: at(change), ..Origin::default() }
}

/// A store of a group, with this many changes.
fn member(group: &str, change: i64) -> Origin {
    Origin { group: group.into(), head: at(change) }
}

fn apply(engine: &ClickHouseEngine, change: i64) -> Result<(), ProjectionError> {
    let json = json!({"id": change.to_string(), "status": "placed", "total_amount_with_taxes": 1, "current_date": "2022-01-01T00:00:00Z"})
        .to_string();
    let document =
        Document { project: 1, record_kind: RecordKind::Orders, key: change.to_string(), change, json: Some(JsonText::Plain(json)) };
    engine.apply(&[document], &TrackedChanges::default(), at(change))
}

fn orders(engine: &ClickHouseEngine) -> Cell {
    ask(engine, QueryType::Stats, &json!({"field": "order.id", "operator": "value_count"}))[0][0][4].clone()
}

fn ask(engine: &ClickHouseEngine, kind: QueryType, query: &Value) -> Vec<Rows> {
    let body = json!({ kind.name(): query });
    let context = Context { organization: "t", now: 1_641_000_000_000, attribution_days: 30, max_range_days: MAX_RANGE_DAYS };
    let query = parse::parse(Resource::find("orders").unwrap(), kind, &body, context).unwrap();
    let scope = Scope { project: 1, organization: "t".into(), markets: Vec::new() };
    engine.query(&query, &scope, Position::default(), &Cancellation::default()).unwrap()
}

#[test]
fn queries_of_every_kind_contain_what_another_collector_has_committed_meanwhile() {
    let database = Database::start();
    let address = database.create("shop");
    let open = || ClickHouseEngine::new(address.parse().unwrap(), String::new(), None);
    let (leader, follower) = (open(), open());
    leader.reopen(false, &store(99)).unwrap();
    let by_status = json!({"by": "order.status", "field": "order.id", "operator": "value_count"});
    let mut change = 0;
    for (kind, query) in [
        (QueryType::Stats, json!({"field": "order.id", "operator": "value_count"})),
        (QueryType::Stats, json!({"field": "order.total_amount_with_taxes", "operator": "stats"})),
        (QueryType::Breakdown, by_status),
        (QueryType::Search, json!({"fields": ["order.id"], "sort_by": "order.current_date"})),
    ] {
        let mut before = Vec::new();
        // What the follower has read last is the commit before.
        for _ in 0..3 {
            change += 1;
            apply(&leader, change).unwrap();
            let found = ask(&follower, kind, &query);
            assert!(found != before && found == ask(&leader, kind, &query), "{kind:?} {found:?}");
            before = found;
        }
    }
}

#[test]
fn writer_that_was_paused_before_its_commit_writes_nothing_twice() {
    let database = Database::start();
    let address = database.create("shop");
    let open = || ClickHouseEngine::new(address.parse().unwrap(), String::new(), None);
    let (paused, next) = (open(), open());
    assert_eq!(paused.reopen(false, &store(9)).unwrap(), at(0));
    apply(&paused, 1).unwrap();
    database.post("/hold", "INTO projection");
    std::thread::scope(|scope| {
        let commit = scope.spawn(|| apply(&paused, 2));
        database.post("/wait", "");
        assert_eq!(next.reopen(false, &store(9)).unwrap(), at(1));
        apply(&next, 2).unwrap();
        assert_eq!(orders(&next), Cell::Integer(2));
        // The paused writer wakes up, and its commit arrives.
        database.post("/release", "");
        assert!(matches!(commit.join().unwrap(), Err(ProjectionError::Moved)));
    });
    assert_eq!((orders(&next), orders(&paused)), (Cell::Integer(2), Cell::Integer(2)));
    // It does not go on from a position that another writer has passed, and goes on from the new one once it is opened again.
    apply(&next, 3).unwrap();
    assert!(matches!(apply(&paused, 3), Err(ProjectionError::Moved)));
    assert_eq!(orders(&next), Cell::Integer(3));
    assert_eq!(paused.reopen(false, &store(9)).unwrap(), at(3));
    apply(&paused, 4).unwrap();
    assert!(matches!(apply(&next, 4), Err(ProjectionError::Moved)));
    assert_eq!(orders(&paused), Cell::Integer(4));
}

#[test]
fn claim_that_arrives_after_another_writer_has_taken_its_place_hides_nothing() {
    let database = Database::start();
    let address = database.create("shop");
    let open = || ClickHouseEngine::new(address.parse().unwrap(), String::new(), None);
    let (first, paused, next) = (open(), open(), open());
    first.reopen(false, &store(9)).unwrap();
    apply(&first, 1).unwrap();
    database.post("/hold", "INTO projection");
    std::thread::scope(|scope| {
        let claim = scope.spawn(|| paused.reopen(false, &store(9)));
        database.post("/wait", "");
        // The paused writer has read the commit before this one.
        apply(&first, 2).unwrap();
        assert_eq!(next.reopen(false, &store(9)).unwrap(), at(2));
        apply(&next, 3).unwrap();
        database.post("/release", "");
        assert_eq!(claim.join().unwrap().unwrap(), at(3));
    });
    assert_eq!([&first, &paused, &next].map(orders), [const { Cell::Integer(3) }; 3]);
    apply(&paused, 4).unwrap();
    assert_eq!([&first, &paused, &next].map(orders), [const { Cell::Integer(4) }; 3]);
}

#[test]
fn database_of_another_store_or_version_is_rebuilt() {
    let database = Database::start();
    let engine = database.engine("shop");
    engine.reopen(false, &store(9)).unwrap();
    apply(&engine, 5).unwrap();
    assert_eq!(engine.reopen(false, &store(9)).unwrap(), at(5));
    // The store has fewer changes than the database.
    assert_eq!(engine.reopen(false, &store(4)).unwrap(), at(0));
    assert_eq!(orders(&engine), Cell::Integer(0));
    apply(&engine, 1).unwrap();
    database.execute("ALTER TABLE shop.projection UPDATE fingerprint = 'other' WHERE 1 SETTINGS mutations_sync = 2");
    assert_eq!(engine.reopen(false, &store(9)).unwrap(), at(0));
    apply(&engine, 1).unwrap();
    assert_eq!((engine.reopen(true, &store(9)).unwrap(), orders(&engine)), (at(0), Cell::Integer(0)));
}

#[test]
fn rows_that_an_interrupted_rebuild_has_left_do_not_count() {
    let database = Database::start();
    let engine = database.engine("shop");
    engine.reopen(false, &store(9)).unwrap();
    apply(&engine, 1).unwrap();
    // A collector was killed after it had deleted the first one of the tables.
    database.execute("DROP TABLE shop.projection SYNC");
    assert!(matches!(apply(&engine, 2), Err(ProjectionError::Emptied(_))));
    assert_eq!(engine.reopen(false, &store(9)).unwrap(), at(0));
    apply(&engine, 2).unwrap();
    assert_eq!(orders(&engine), Cell::Integer(1));
}

#[test]
fn database_that_lacks_a_table_is_filled_again() {
    let database = Database::start();
    let engine = database.engine("shop");
    engine.reopen(false, &store(9)).unwrap();
    for table in ["orders", "events", "projection"] {
        apply(&engine, 1).unwrap();
        assert_eq!((engine.stored(&store(9)).unwrap(), orders(&engine)), (Some(at(1)), Cell::Integer(1)));
        database.execute(&format!("DROP TABLE shop.{table} SYNC"));
        assert_eq!(engine.stored(&store(9)).unwrap(), None, "{table}");
        assert_eq!(engine.reopen(false, &store(9)).unwrap(), at(0), "{table}");
    }
}

#[test]
fn collectors_of_a_group_take_turns_and_none_empties_what_another_one_has_written() {
    let database = Database::start();
    let address = database.create("shop");
    let open = || ClickHouseEngine::new(address.parse().unwrap(), String::new(), None);
    let (first, second) = (open(), open());
    // A follower creates nothing.
    assert_eq!(second.follow(&member("g", 9)).unwrap(), None);
    assert_eq!(database.execute("SELECT name FROM system.tables WHERE database = 'shop'"), "");
    assert_eq!(first.reopen(false, &member("g", 9)).unwrap(), at(0));
    apply(&first, 1).unwrap();
    apply(&first, 5).unwrap();
    assert_eq!(second.follow(&member("g", 9)).unwrap(), Some(at(5)));
    assert_eq!((orders(&first), orders(&second)), (Cell::Integer(2), Cell::Integer(2)));
    // A store that has not applied the whole log waits, even if it should rebuild.
    for rebuild in [false, true] {
        assert!(matches!(second.reopen(rebuild, &member("g", 4)), Err(ProjectionError::Ahead(position)) if position == at(5)));
    }
    assert_eq!(orders(&second), Cell::Integer(2));
    assert_eq!(second.reopen(false, &member("g", 5)).unwrap(), at(5));
    apply(&second, 6).unwrap();
    // The first one follows now, and writes nothing.
    assert!(matches!(apply(&first, 6), Err(ProjectionError::Moved)));
    assert_eq!(first.follow(&member("g", 9)).unwrap(), Some(at(6)));
    assert!(matches!(apply(&first, 7), Err(ProjectionError::Moved)));
    assert_eq!(orders(&first), Cell::Integer(3));
    // The numbers of another log stand for other contents.
    assert_eq!(second.follow(&member("h", 9)).unwrap(), None);
    assert_eq!(second.reopen(false, &member("h", 9)).unwrap(), at(0));
    assert_eq!(orders(&second), Cell::Integer(0));
}
