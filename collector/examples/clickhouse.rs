//! Benchmark: ClickHouse beside its bare statements: `cargo xtask bench clickhouse`, or, with an address whose database is empty,
//! `cargo run --release -p tillroll-collector --example clickhouse -- clickhouse://default@127.0.0.1:8123/bench [ORDERS]`.
//!
//! - Orders a second that the engine writes, to inserts of the same rows into tables of the same form, which have no other work. Both
//!   alternate, batch by batch.
//! - The questions of the benchmark `metrics` over these orders, to the statement of an analyst over narrow tables made for them. The minimum of
//!   each counts.

#[path = "metrics/cases.rs"]
mod cases;
#[path = "metrics/running_server.rs"]
#[allow(dead_code, reason = "the benchmark `metrics` uses the rest of it")]
mod running_server;

use std::time::Duration;

use cases::{cases, document};
use running_server::{RunningServer, compare, print_mean, time};
use tillroll_collector::projection::source::{Origin, Position, TrackedChanges};
use tillroll_collector::projection::{AnalyticsEngine, ClickHouseEngine};
use tokio::runtime::Builder;

/// The allocator of the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH_SIZE: i64 = 20_000;
/// A statement with other settings than the last one costs the test server more, so each side runs some times in a row.
const TURNS: usize = 5;
const RUNS: usize = 5;
/// The tables that have rows of orders.
const FILLED: [&str; 2] = ["orders", "orders__line_items"];
/// The tables of the baseline.
const TABLES: &[&str] = &[
    "CREATE TABLE sale ENGINE = MergeTree ORDER BY tuple() AS SELECT doc AS id, order__id AS number,
         fromUnixTimestamp64Milli(order__placed_at, 'UTC') AS placed_at, order__status AS status,
         CAST(order__total_amount_with_taxes / 1e6 AS Nullable(Decimal(18, 2))) AS total, customer__email AS email, market__name AS market,
         json AS document FROM orders",
    "CREATE TABLE sale_item ENGINE = MergeTree ORDER BY tuple() AS SELECT doc AS sale, line_items__code AS code, line_items__item_id AS item,
         line_items__name AS name, line_items__item_type AS kind, intDiv(line_items__quantity, 1000000) AS quantity FROM orders__line_items",
];

fn main() {
    let mut words = std::env::args().skip(1);
    let address = words.next().expect("the address of a database");
    let orders = words.next().map_or(200_000, |text| text.parse().expect("a number"));
    let database = Database::new(&address);
    let engine = ClickHouseEngine::new(address.parse().expect("an address"), String::new(), None);
    engine.reopen(false, &Origin::default()).expect("the database");
    compare_feed(&engine, &database, orders);
    drop(engine);
    TABLES.iter().for_each(|sql| drop(database.run(sql)));
    let runtime = Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let server = RunningServer::open(&runtime, folder.path(), &["--analytics", &address]);
    let ratios: Vec<_> = cases()
        .iter()
        .map(|case| {
            let (mut queries, mut statements) = (Vec::new(), Vec::new());
            for _ in 0..TURNS {
                queries.extend((0..RUNS).map(|_| time(|| server.query(case))));
                statements.extend((0..RUNS).map(|_| time(|| drop(database.run(&case.sql)))));
            }
            compare(case.title, &queries, &statements)
        })
        .collect();
    print_mean(&ratios);
}

/// Writes orders by the engine, and the same rows by bare inserts.
fn compare_feed(engine: &ClickHouseEngine, database: &Database, orders: i64) {
    for table in FILLED {
        database.run(&format!("CREATE TABLE bare_{table} AS {table}"));
    }
    let (mut written, mut bare, mut last) = (Duration::ZERO, Duration::ZERO, 0_i64);
    for first in (0..orders).step_by(BATCH_SIZE as usize) {
        let documents: Vec<_> = (first..orders.min(first + BATCH_SIZE)).map(document).collect();
        written += time(|| engine.apply(&documents, &TrackedChanges::default(), Position::default()).expect("a batch"));
        let rows = FILLED.map(|table| database.run(&format!("SELECT * FROM {table} WHERE doc > {last} FORMAT JSONCompactEachRow")));
        bare += time(|| {
            for (table, rows) in FILLED.iter().zip(&rows) {
                database.run(&format!("INSERT INTO bare_{table} FORMAT JSONCompactEachRow\n{rows}"));
            }
        });
        last = database
            .run("SELECT greatest((SELECT max(doc) FROM orders), (SELECT max(doc) FROM orders__line_items))")
            .trim()
            .parse()
            .expect("a number");
    }
    let rate = |time: Duration| orders as f64 / time.as_secs_f64();
    println!(
        "{orders} orders: the engine writes {:.0} a second, bare inserts of the same rows {:.0}, ratio {:.2}",
        rate(written),
        rate(bare),
        rate(written) / rate(bare)
    );
}

/// Runs bare statements.
struct Database {
    agent: ureq::Agent,
    url: String,
}

impl Database {
    fn new(address: &str) -> Self {
        let (server, name) = address.rsplit_once('/').expect("an address");
        let host = server.rsplit_once(['@', '/']).map_or(server, |(_, host)| host);
        Self { agent: ureq::Agent::new_with_defaults(), url: format!("http://{host}/?database={name}") }
    }

    fn run(&self, sql: &str) -> String {
        let mut response = self.agent.post(&self.url).send(sql).expect("a response");
        response.body_mut().with_config().limit(1 << 32).read_to_string().expect("a text")
    }
}
