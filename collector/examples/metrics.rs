//! Benchmark: compares metrics queries with hand-written SQL on the same rows, and idle latency with latency under load:
//! `cargo run --release -p tillroll-collector --example metrics -- [ORDERS] [FOLDER]`.
//!
//! A metrics query is a complete HTTP request: token, parsing, SQL, rows, JSON. The baseline is the SQL statement alone, on the same engine in
//! the same process. Both alternate, so that other load on the machine affects both, and the minimum of each counts. Under load, the queries
//! alternate too, and the median is compared with the idle median. With FOLDER, the orders stay there for the next run.

#[path = "metrics/load.rs"]
mod load;

use std::path::Path;
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};
use tillroll_collector::cli::{Cli, Command};
use tillroll_collector::clock::{Clock, Stopwatch};
use tillroll_collector::http::server::Server;
use tillroll_collector::metrics::catalog::RecordKind;
use tillroll_collector::metrics::parse::QueryType;
use tillroll_collector::projection::duckdb::sql::Statement;
use tillroll_collector::projection::duckdb::{DuckDbEngine, FILE};
use tillroll_collector::projection::{AnalyticsEngine, Document, Watermarks};
use tillroll_collector::store::Options;
use tillroll_collector::time;
use tokio::runtime::{Builder, Runtime};

/// The allocator of the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH_SIZE: i64 = 20_000;
const RUNS: usize = 25;
const EVENTS_PER_SEC: u64 = 20_000;
const ORDERS: &str = "\"orders\" d";
const LINES: &str = "\"orders\" d JOIN \"orders.line_items\" l ON l.doc = d.doc";
const WHERE: &str = "d.project = 1 AND NOT d.cart AND d.\"order.placed_at\" >= '2021-01-01' AND d.\"order.placed_at\" < '2022-01-01'";

fn main() {
    let orders = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let temporary = tempfile::tempdir().expect("a folder");
    let folder = std::env::args().nth(2).map_or_else(|| temporary.path().to_owned(), Into::into);
    fill(&folder, orders);
    let runtime = Builder::new_multi_thread().enable_all().build().expect("a runtime");
    // Only one process or engine can open the file, so the baseline runs on a copy.
    let copy = tempfile::tempdir().expect("a folder");
    std::fs::copy(folder.join(FILE), copy.path().join(FILE)).expect("a copy of the projection");
    let baseline = DuckDbEngine::open(copy.path(), i64::MAX).expect("the copy");
    let server = RunningServer::open(&runtime, &folder);
    let idle: Vec<_> = cases().iter().map(|case| compare(&baseline, &server, case)).collect();
    println!();
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
            case.0,
            millis(loaded),
            millis(idle)
        );
    }
    println!("{rate:.0} events per second were stored");
}

/// A running collector, and an access token for it.
struct RunningServer {
    address: String,
    agent: ureq::Agent,
    token: String,
}

impl RunningServer {
    fn open(runtime: &Runtime, folder: &Path) -> Self {
        let data = folder.to_str().expect("a path of text");
        let Command::Serve(flags) =
            Cli::parse_from(["tillroll", "serve", "--listen", "127.0.0.1:0", "--data", data, "--project", "token:secret"]).command
        else {
            panic!("these are the flags of serve");
        };
        let server = runtime.block_on(Server::open(&flags, Options::default(), Clock::SYSTEM)).expect("a server");
        let address = server.address().expect("an address").to_string();
        runtime.spawn(server.run(std::future::pending()));
        let agent: ureq::Agent = ureq::Agent::config_builder().build().into();
        let grant = [("grant_type", "client_credentials"), ("client_id", "token"), ("client_secret", "secret")];
        let grant: Vec<_> = grant.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut response = agent.post(format!("http://{address}/oauth/token")).send(grant.join("&")).expect("a token");
        let response: Value = serde_json::from_str(&response.body_mut().read_to_string().expect("a text")).expect("JSON");
        Self { address, agent, token: response["access_token"].as_str().expect("a token").to_owned() }
    }

    fn query(&self, (_, kind, body, _): &Case) {
        let request = self.agent.post(format!("http://{}/metrics/orders/{}", self.address, kind.name()));
        let request = request.header("authorization", format!("Bearer {}", self.token)).header("accept", "application/vnd.api.v1+json");
        let mut response = request.header("content-type", "application/vnd.api+json").send(body.to_string()).expect("an response");
        drop(response.body_mut().read_to_string().expect("a text"));
    }
}

/// Creates the projection. The store is new and has no changes, so the server accepts these orders as up to date.
fn fill(folder: &Path, orders: i64) {
    let file = folder.join(FILE);
    if file.exists() {
        return;
    }
    std::fs::create_dir_all(folder).expect("a folder");
    let (projection, watch) = (DuckDbEngine::open(folder, 0).expect("a projection"), Stopwatch::start());
    for first in (0..orders).step_by(BATCH_SIZE as usize) {
        let documents: Vec<_> = (first..orders.min(first + BATCH_SIZE)).map(document).collect();
        projection.apply(&documents, Watermarks::default()).expect("a batch");
    }
    println!("{orders} orders in {:.1} s", watch.elapsed().as_secs_f64());
}

/// Prints the minimum times of the query and of the baseline. Returns all times of the query.
fn compare(engine: &DuckDbEngine, server: &RunningServer, case: &Case) -> Vec<Duration> {
    let statement = || Statement { text: case.3.clone(), values: Vec::new() };
    let run = || drop(engine.run(&[statement()]).expect("rows"));
    let (query_times, baseline_times): (Vec<_>, Vec<_>) = (0..RUNS).map(|_| (time(|| server.query(case)), time(run))).unzip();
    let (query, baseline) = (minimum(&query_times), minimum(&baseline_times));
    println!("{:<36} {:>8.1} ms {:>8.1} ms  {:.2}", case.0, millis(query), millis(baseline), ratio(query, baseline));
    query_times
}

fn minimum(times: &[Duration]) -> Duration {
    times.iter().copied().min().unwrap_or_default()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn time(work: impl FnOnce()) -> Duration {
    let watch = Stopwatch::start();
    work();
    watch.elapsed()
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn ratio(numerator: Duration, denominator: Duration) -> f64 {
    numerator.as_secs_f64() / denominator.as_secs_f64()
}

/// A title, the kind of query, the query, and the SQL of the baseline.
type Case = (&'static str, QueryType, Value, String);

fn cases() -> Vec<Case> {
    [series(), tops(), totals()].into_iter().flatten().collect()
}

fn case(title: &'static str, kind: QueryType, query: &Value, sql: String) -> Case {
    let dates = json!({"order": {"date_from": "2021-01-01T00:00:00Z", "date_to": "2021-12-31T23:59:59Z", "date_field": "placed_at"}});
    (title, kind, json!({ kind.name(): query, "filter": dates }), sql)
}

fn series() -> Vec<Case> {
    let by = |title, interval| {
        let (field, by) = ("order.total_amount_with_taxes", "order.placed_at");
        let query = json!({"by": by, "field": field, "operator": "sum", "interval": interval});
        let key = format!("date_trunc('{interval}', d.\"{by}\")");
        let sql = format!("SELECT {key} AS k, sum(d.\"{field}\") FROM \"orders\" d WHERE {WHERE} GROUP BY k ORDER BY k");
        case(title, QueryType::DateBreakdown, &query, sql)
    };
    vec![by("amounts by day", "day"), by("amounts by month", "month")]
}

fn tops() -> Vec<Case> {
    let top = |title, from, by: &str, field: &str, operator: &str, value: &str| {
        let query = json!({"by": by, "field": field, "operator": operator});
        let key = if from == LINES { "l" } else { "d" };
        let sql = format!(
            "SELECT {key}.\"{by}\" AS k, {value} AS v FROM {from} WHERE {WHERE} AND k IS NOT NULL GROUP BY k ORDER BY v DESC, k LIMIT 10"
        );
        case(title, QueryType::Breakdown, &query, sql)
    };
    let (amount, total) = ("order.total_amount_with_taxes", "sum(d.\"order.total_amount_with_taxes\")");
    vec![
        top("orders by status", ORDERS, "order.status", "order.id", "value_count", "count(d.\"order.id\")"),
        top("top markets", ORDERS, "market.name", amount, "sum", total),
        top("top customers", ORDERS, "customer.email", amount, "sum", total),
        top("top products by quantity", LINES, "line_items.code", "line_items.quantity", "sum", "sum(l.\"line_items.quantity\")"),
        top("top products by orders", LINES, "line_items.code", "order.id", "value_count", "count(DISTINCT d.doc)"),
    ]
}

fn totals() -> Vec<Case> {
    let stats = |title, from, field: &str, operator: &str, value: &str| {
        let query = json!({"field": field, "operator": operator});
        case(title, QueryType::Stats, &query, format!("SELECT {value} FROM {from} WHERE {WHERE}"))
    };
    let amount = "order.total_amount_with_taxes";
    let all = ["count", "min", "max", "sum"].map(|name| format!("{name}(d.\"{amount}\")")).join(", ");
    let page = json!({"fields": ["order.*", "customer.email"], "limit": 50, "sort_by": "order.placed_at"});
    let count = format!("SELECT count(*) FROM {ORDERS} WHERE {WHERE}");
    let order = "ORDER BY d.\"order.placed_at\" DESC NULLS LAST, d.\"order.id\" LIMIT 51";
    vec![
        stats("stats of amounts", ORDERS, amount, "stats", &all),
        stats("number of orders", ORDERS, "order.id", "value_count", "count(d.\"order.id\")"),
        stats("number of customers", ORDERS, "customer.email", "cardinality", "count(DISTINCT d.\"customer.email\")"),
        stats("quantities", LINES, "line_items.quantity", "sum", "sum(l.\"line_items.quantity\")"),
        case("a page of orders", QueryType::Search, &page, format!("SELECT d.json, ({count}) FROM {ORDERS} WHERE {WHERE} {order}")),
    ]
}

/// Returns an order with three line items that depends only on its number.
fn document(number: i64) -> Document {
    let mixed = number.wrapping_mul(2_654_435_761).rem_euclid(1 << 31);
    let at = time::format_rfc3339_millis(1_609_459_200_000 + mixed * 22 % (540 * time::DAY_MS));
    let line = |part: i64| {
        let product = (mixed >> part) % 2000;
        json!({"id": format!("l{number}-{part}"), "code": format!("SKU{product:05}"), "item_id": format!("i{product}"), "item_type": "skus",
            "name": format!("Product {product}"), "quantity": 1 + mixed % 3, "unit_amount": 9.99, "total_amount": 19.99})
    };
    let json = json!({
        "id": format!("o{number}"), "number": number.to_string(), "status": pick(&["placed", "approved", "cancelled"], mixed),
        "currency_code": "EUR", "country_code": pick(&["IT", "GB", "US", "DE"], mixed), "placed_at": at, "created_at": at, "current_date": at,
        "total_amount_with_taxes": (mixed % 50_000) as f64 / 100.0, "skus_count": 3,
        "customer": {"id": format!("c{}", mixed % 200_000), "email": format!("customer{}@example.com", mixed % 200_000)},
        "market": {"id": format!("m{}", mixed % 7), "name": format!("Market {}", mixed % 7)},
        "line_items": [line(1), line(4), line(9)],
    });
    Document { project: 1, record_kind: RecordKind::Orders, key: format!("o{number}"), change: number + 1, json: Some(json.to_string()) }
}

fn pick(list: &[&'static str], number: i64) -> &'static str {
    usize::try_from(number).map_or("", |number| list[number % list.len()])
}
