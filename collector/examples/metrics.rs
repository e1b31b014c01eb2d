//! Benchmark: compares metrics queries with hand-written SQL over the same orders, and idle latency with latency under load:
//! `cargo run --release -p tillroll-collector --example metrics -- [ORDERS] [FOLDER]`.
//!
//! A metrics query is a complete HTTP request: token, parsing, SQL, rows, JSON. The baseline is a statement alone, as an analyst writes it, over
//! narrow tables made for these questions, on the same engine in the same process. Both alternate, so that other load on the machine affects
//! both, and the minimum of each counts. For responses below 5 ms the ratio leaves out the request's own millisecond. Under load, the queries
//! alternate too, and the median is compared with the idle median. With FOLDER, the orders stay there for the next run.

#[path = "metrics/cases.rs"]
mod cases;
#[path = "metrics/load.rs"]
mod load;
#[path = "metrics/running_server.rs"]
mod running_server;

use std::path::Path;
use std::time::Duration;

use cases::{cases, document};
use running_server::{Case, RunningServer, millis, minimum, open_copy, print_mean, ratio, run, time};
use tillroll_collector::clock::Stopwatch;
use tillroll_collector::projection::AnalyticsEngine;
use tillroll_collector::projection::duckdb::{DuckDbEngine, FILE};
use tillroll_collector::projection::source::{Position, TrackedChanges};
use tokio::runtime::Builder;

/// The allocator of the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH_SIZE: i64 = 20_000;
const RUNS: usize = 25;
const EVENTS_PER_SEC: u64 = 20_000;
/// The tables of the baseline.
const TABLES: &[&str] = &[
    "CREATE TABLE sale AS SELECT doc AS id, order__id AS number, order__placed_at AS placed_at, order__status AS status,
         CAST(order__total_amount_with_taxes / 1e6 AS DECIMAL(18, 2)) AS total, customer__email AS email, market__name AS market,
         json AS document FROM orders",
    "CREATE TABLE sale_item AS SELECT doc AS sale, line_items__code AS code, line_items__item_id AS item, line_items__name AS name,
         line_items__item_type AS kind, CAST(line_items__quantity / 1000000 AS INTEGER) AS quantity FROM orders__line_items",
    "CHECKPOINT",
];

fn main() {
    let orders = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(200_000);
    let temporary = tempfile::tempdir().expect("a folder");
    let folder = std::env::args().nth(2).map_or_else(|| temporary.path().to_owned(), Into::into);
    fill(&folder, orders);
    let runtime = Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let copy = tempfile::tempdir().expect("a folder");
    let baseline = open_copy(&folder, copy.path());
    TABLES.iter().for_each(|sql| run(&baseline, sql));
    let server = RunningServer::open(&runtime, &folder, &[]);
    let (idle, ratios): (Vec<_>, Vec<_>) = cases().iter().map(|case| compare(&baseline, &server, case)).unzip();
    print_mean(&ratios);
    let mut loaded = vec![Vec::new(); idle.len()];
    let rate = load::during(&server.address, EVENTS_PER_SEC, || {
        for _ in 0..RUNS {
            cases().iter().zip(&mut loaded).for_each(|(case, times)| times.push(time(|| server.query(case))));
        }
    });
    for ((case, idle), loaded) in cases().iter().zip(idle).zip(loaded) {
        let minimums = ratio(minimum(&loaded), minimum(&idle));
        let (loaded, idle) = (median(loaded), median(idle));
        let ratio = ratio(loaded, idle);
        println!(
            "{:<36} {:>8.1} ms {:>8.1} ms  {ratio:.2}  under load; {minimums:.2} for the minimums",
            case.title,
            millis(loaded),
            millis(idle)
        );
    }
    println!("{rate:.0} events per second were stored");
}

/// Creates the projection. The store is new and has no changes, so the server accepts these orders as up to date.
fn fill(folder: &Path, orders: i64) {
    let file = folder.join(FILE);
    if file.exists() {
        return;
    }
    std::fs::create_dir_all(folder).expect("a folder");
    let (projection, watch) = (DuckDbEngine::open(folder, Position::default()).expect("a projection"), Stopwatch::start());
    for first in (0..orders).step_by(BATCH_SIZE as usize) {
        let documents: Vec<_> = (first..orders.min(first + BATCH_SIZE)).map(document).collect();
        projection.apply(&documents, &TrackedChanges::default(), Position::default()).expect("a batch");
    }
    println!("{orders} orders in {:.1} s", watch.elapsed().as_secs_f64());
}

/// Prints the minimum times of the query and of the baseline. Returns all times of the query, and the ratio.
fn compare(engine: &DuckDbEngine, server: &RunningServer, case: &Case) -> (Vec<Duration>, f64) {
    let (query_times, baseline_times): (Vec<_>, Vec<_>) =
        (0..RUNS).map(|_| (time(|| server.query(case)), time(|| run(engine, &case.sql)))).unzip();
    let ratio = running_server::compare(case.title, &query_times, &baseline_times);
    (query_times, ratio)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
