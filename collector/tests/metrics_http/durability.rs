//! The projection after a kill of the server, and after the loss of its file.

use serde_json::Value;

use super::api_client::{import, order, totals};
use super::server::ServerProcess;

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
