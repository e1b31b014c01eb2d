//! The projection after a kill of the server, and after the loss of its file.

use serde_json::{Value, json};

use super::api_client::{import, order, query, totals, year};
use super::server::{Client, ServerProcess};

const ROUNDS: usize = 6;
const RECORDS: usize = 400;

#[test]
fn kill_during_sync_neither_loses_nor_duplicates_records() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..ROUNDS {
        let program = ServerProcess::start(folder.path(), &["--project", "t:secret"]);
        let records: Vec<Value> = (0..RECORDS).map(|at| order(&format!("{}", round * RECORDS / 2 + at), 1.0)).collect();
        import(&program.client, "orders", &records);
        if round % 2 == 1 {
            // The kill hits the sync task while it works.
            import(&program.client, "orders", &records);
        }
        drop(program);
    }
    let program = ServerProcess::start(folder.path(), &["--project", "t:secret"]);
    let expected = (ROUNDS - 1) * RECORDS / 2 + RECORDS;
    assert_eq!(totals(&program.client)["count"], expected);
}

/// Returns the stats of the line items of all orders of 2021.
fn line_totals(client: &Client) -> Value {
    let body = json!({"stats": {"field": "line_items.quantity", "operator": "stats"}, "filter": {"order": year()}});
    query(client, "orders/stats", &body)["data"]["value"].clone()
}

#[test]
fn kill_after_a_large_batch_neither_loses_nor_duplicates_rows() {
    if std::env::var_os("TILLROLL_TEST_CLICKHOUSE").is_some() {
        // It has no file.
        return;
    }
    // The embedded engine writes so many line items to its file and not to its log.
    const ORDERS: usize = 3_000;
    const LINES: usize = 10;
    let folder = tempfile::tempdir().unwrap();
    let with_lines = |at: usize| {
        let mut record = order(&at.to_string(), 1.0);
        record["line_items"] = (0..LINES).map(|line| json!({"id": format!("{at}-{line}"), "item_type": "skus", "quantity": 1})).collect();
        record
    };
    let records: Vec<_> = (0..ORDERS).map(with_lines).collect();
    let program = ServerProcess::start(folder.path(), &["--project", "t:secret"]);
    import(&program.client, "orders", &records);
    drop(program);
    // All records are one batch for the new file.
    let _ = std::fs::remove_file(folder.path().join(tillroll_collector::projection::duckdb::FILE));
    for _ in 0..2 {
        let program = ServerProcess::start(folder.path(), &["--project", "t:secret"]);
        assert_eq!((&totals(&program.client)["count"], &line_totals(&program.client)["count"]), (&json!(ORDERS), &json!(ORDERS * LINES)));
        drop(program);
    }
    let program = ServerProcess::start(folder.path(), &["--project", "t:secret"]);
    import(&program.client, "orders", &records);
    assert_eq!(
        (&totals(&program.client)["count"], &line_totals(&program.client)["sum"]),
        (&json!(ORDERS), &json!((ORDERS * LINES) as f64))
    );
}

#[test]
fn lost_or_damaged_projection_is_rebuilt() {
    if std::env::var_os("TILLROLL_TEST_CLICKHOUSE").is_some() {
        // It has no file.
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(tillroll_collector::projection::duckdb::FILE);
    let program = ServerProcess::start(folder.path(), &["--project", "t:secret"]);
    import(&program.client, "orders", &[order("1", 1.0), order("2", 2.0)]);
    assert_eq!(totals(&program.client)["sum"], 3.0);
    drop(program);
    std::fs::remove_file(&file).unwrap();
    let program = ServerProcess::start(folder.path(), &["--project", "t:secret"]);
    assert_eq!(totals(&program.client)["sum"], 3.0);
    drop(program);
    std::fs::write(&file, "this is not a database").unwrap();
    let program = ServerProcess::start(folder.path(), &["--project", "t:secret"]);
    assert_eq!(totals(&program.client)["sum"], 3.0);
}
