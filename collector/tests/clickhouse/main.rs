//! ClickHouse as the analytics engine: faults, erasure, and writers that are too late.
//!
//! The check `clickhouse` runs these tests, those of the metrics API and the comparison with the reference evaluator on a current ClickHouse
//! engine: `cargo xtask test --only clickhouse`.

/// When the servers of the tests start, in milliseconds since 1970.
const START_MS: u64 = 1_624_147_200_000;

#[path = "../metrics_http/api_client.rs"]
#[allow(dead_code, reason = "the tests of the metrics API use the rest of it")]
mod api_client;
#[allow(dead_code, reason = "the tests of groups use the rest of it")]
mod database;
mod faults;
#[path = "../metrics_oracle/oracle/mod.rs"]
mod oracle;
#[path = "../collector/server.rs"]
#[allow(dead_code, reason = "the other tests of the collector use the rest of it")]
mod server;
mod writers;

use tillroll_collector::projection::AnalyticsEngine;
use tillroll_collector::projection::source::{Origin, Position};

/// The embedded engine is compared for more seeds: a query takes a tenth of the time there.
const SEEDS: u64 = 3;

#[test]
fn engine_and_reference_evaluator_return_the_same_results() {
    let database = database::Database::start();
    oracle::compare_all(SEEDS, |seed| {
        let engine = database.engine(&format!("seed{seed}"));
        assert_eq!(engine.reopen(false, &Origin::default()).unwrap(), Position::default());
        (Box::new(engine), ())
    });
}
