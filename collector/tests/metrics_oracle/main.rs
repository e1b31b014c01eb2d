//! Compares the embedded analytics engine with a slow reference evaluator, on random queries over random records.
//!
//! The evaluator follows the documentation literally. Both results must be equal, to the last digit. A failure prints its seed;
//! `METRICS_SEED=N` runs only the queries of that seed. The tests of ClickHouse do the same with that engine.
#![cfg(feature = "duckdb")]

mod oracle;

use tillroll_collector::projection::duckdb::DuckDbEngine;
use tillroll_collector::projection::source::Position;

const SEEDS: u64 = 8;

#[test]
fn engine_and_reference_evaluator_return_the_same_results() {
    oracle::compare_all(SEEDS, |_| {
        let folder = tempfile::tempdir().unwrap();
        let engine = DuckDbEngine::open(folder.path(), Position::default()).unwrap();
        (Box::new(engine), folder)
    });
}
