//! What survives: a kill at any moment, and the loss of the projection.

use serde_json::Value;

use super::analyst::{import, order, totals};
use super::server::Program;

const ROUNDS: usize = 6;
const RECORDS: usize = 400;

#[test]
fn a_kill_during_projection_neither_loses_nor_doubles() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..ROUNDS {
        let program = Program::start(folder.path(), &["--project", "t:s"]);
        let records: Vec<Value> = (0..RECORDS).map(|at| order(&format!("{}", round * RECORDS / 2 + at), 1.0)).collect();
        import(&program.client, "orders", &records);
        if round % 2 == 1 {
            // The projection is at work while this one is killed.
            import(&program.client, "orders", &records);
        }
        drop(program);
    }
    let program = Program::start(folder.path(), &["--project", "t:s"]);
    let expected = (ROUNDS - 1) * RECORDS / 2 + RECORDS;
    assert_eq!(totals(&program.client)["count"], expected);
}

#[test]
fn a_projection_that_is_lost_or_damaged_is_built_anew() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(tillroll_collector::projection::duckdb::FILE);
    let program = Program::start(folder.path(), &["--project", "t:s"]);
    import(&program.client, "orders", &[order("1", 1.0), order("2", 2.0)]);
    assert_eq!(totals(&program.client)["sum"], 3.0);
    drop(program);
    std::fs::remove_file(&file).unwrap();
    let program = Program::start(folder.path(), &["--project", "t:s"]);
    assert_eq!(totals(&program.client)["sum"], 3.0);
    drop(program);
    std::fs::write(&file, "this is no database").unwrap();
    let program = Program::start(folder.path(), &["--project", "t:s"]);
    assert_eq!(totals(&program.client)["sum"], 3.0);
}
