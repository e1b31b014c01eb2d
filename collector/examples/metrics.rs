//! Benchmark: compares metrics queries with hand-written SQL over the same orders, and idle latency with latency under load:
//! `cargo run --release -p tillroll-collector --example metrics -- [ORDERS] [FOLDER]`.
//!
//! A metrics query is a complete HTTP request: token, parsing, SQL, rows, JSON. The baseline is a statement alone, as an analyst writes it, over
//! narrow tables made for these questions, on the same engine in the same process. Both alternate, so that other load on the machine affects
//! both, and the minimum of each counts. For responses below 5 ms the ratio leaves out the request's own millisecond. Under load, the queries
//! alternate too, and the median is compared with the idle median. With FOLDER, the orders stay there for the next run.

#[path = "metrics/load.rs"]
mod load;

use std::path::Path;
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};
use tillroll_collector::cancellation::Cancellation;
use tillroll_collector::cli::{Cli, Command};
use tillroll_collector::clock::{Clock, Stopwatch};
use tillroll_collector::http::server::Server;
use tillroll_collector::metrics::catalog::RecordKind;
use tillroll_collector::metrics::parse::QueryType;
use tillroll_collector::projection::duckdb::{DuckDbEngine, FILE};
use tillroll_collector::projection::source::{Position, TrackedChanges};
use tillroll_collector::projection::sql::Statement;
use tillroll_collector::projection::{AnalyticsEngine, Document};
use tillroll_collector::store::Options;
use tillroll_collector::time;
use tokio::runtime::{Builder, Runtime};

/// The allocator of the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH_SIZE: i64 = 20_000;
const RUNS: usize = 25;
const EVENTS_PER_SEC: u64 = 20_000;
/// A response that takes longer is compared as it is; a faster one without the time of the request itself.
const SHORT: Duration = Duration::from_millis(5);
const REQUEST: Duration = Duration::from_millis(1);
/// The tables of the baseline.
const TABLES: &[&str] = &[
    "CREATE TABLE sale AS SELECT doc AS id, order__id AS number, order__placed_at AS placed_at, order__status AS status,
         CAST(order__total_amount_with_taxes / 1e6 AS DECIMAL(18, 2)) AS total, customer__email AS email, market__name AS market,
         json AS document FROM orders",
    "CREATE TABLE sale_item AS SELECT doc AS sale, line_items__code AS code, line_items__item_id AS item, line_items__name AS name,
         line_items__item_type AS kind, CAST(line_items__quantity / 1000000 AS INTEGER) AS quantity FROM orders__line_items",
    "CHECKPOINT",
];
const ORDERS: &str = "sale";
const LINES: &str = "sale JOIN sale_item ON sale_item.sale = sale.id";
const WHERE: &str = "placed_at >= '2021-01-01' AND placed_at < '2022-01-01'";

fn main() {
    let orders = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(200_000);
    let temporary = tempfile::tempdir().expect("a folder");
    let folder = std::env::args().nth(2).map_or_else(|| temporary.path().to_owned(), Into::into);
    fill(&folder, orders);
    let runtime = Builder::new_multi_thread().enable_all().build().expect("a runtime");
    // Only one process or engine can open the file, so the baseline runs on a copy.
    let copy = tempfile::tempdir().expect("a folder");
    std::fs::copy(folder.join(FILE), copy.path().join(FILE)).expect("a copy of the projection");
    let baseline = DuckDbEngine::open(copy.path(), Position { change: i64::MAX, event: i64::MAX, trimmed: i64::MAX }).expect("the copy");
    TABLES.iter().for_each(|sql| run(&baseline, sql));
    let server = RunningServer::open(&runtime, &folder);
    let (idle, ratios): (Vec<_>, Vec<_>) = cases().iter().map(|case| compare(&baseline, &server, case)).unzip();
    let mean = ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64;
    println!("geometric mean {:.2}, maximum {:.2}\n", mean.exp(), ratios.iter().copied().fold(0.0, f64::max));
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
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let grant = [("grant_type", "client_credentials"), ("client_id", "token"), ("client_secret", "secret")];
        let grant: Vec<_> = grant.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut response = agent.post(format!("http://{address}/oauth/token")).send(grant.join("&")).expect("a token");
        let response: Value = serde_json::from_str(&response.body_mut().read_to_string().expect("a text")).expect("JSON");
        Self { address, agent, token: response["access_token"].as_str().expect("a token").to_owned() }
    }

    fn query(&self, (_, kind, body, _): &Case) {
        let path =
            if *kind == QueryType::BoughtTogether { "/metrics/analysis/fbt".into() } else { format!("/metrics/orders/{}", kind.name()) };
        assert_eq!(self.post(&path, body), 200, "{body}");
    }

    /// Returns the status of the response.
    fn post(&self, path: &str, body: &Value) -> u16 {
        let request = self.agent.post(format!("http://{}{path}", self.address));
        let request = request.header("authorization", format!("Bearer {}", self.token)).header("accept", "application/vnd.api.v1+json");
        let mut response = request.header("content-type", "application/vnd.api+json").send(body.to_string()).expect("an response");
        drop(response.body_mut().read_to_string().expect("a text"));
        response.status().as_u16()
    }
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
        (0..RUNS).map(|_| (time(|| server.query(case)), time(|| run(engine, &case.3)))).unzip();
    let (query, baseline) = (minimum(&query_times), minimum(&baseline_times));
    let ratio = ratio(if query < SHORT { query.saturating_sub(REQUEST) } else { query }, baseline);
    println!("{:<36} {:>8.1} ms {:>8.1} ms  {ratio:.2}", case.0, millis(query), millis(baseline));
    (query_times, ratio)
}

fn run(engine: &DuckDbEngine, sql: &str) {
    drop(engine.run(&[Statement { text: sql.into(), values: Vec::new() }], &Cancellation::default()).expect("rows"));
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
        let query = json!({"by": "order.placed_at", "field": "order.total_amount_with_taxes", "operator": "sum", "interval": interval});
        let sql = format!("SELECT date_trunc('{interval}', placed_at) AS k, sum(total) FROM {ORDERS} WHERE {WHERE} GROUP BY k ORDER BY k");
        case(title, QueryType::DateBreakdown, &query, sql)
    };
    vec![by("amounts by day", "day"), by("amounts by month", "month")]
}

fn tops() -> Vec<Case> {
    let top = |title, from, [key, value]: [&str; 2], [by, field, operator]: [&str; 3]| {
        let sql = format!("SELECT {key} AS k, {value} AS v FROM {from} WHERE {WHERE} GROUP BY k ORDER BY v DESC, k LIMIT 10");
        case(title, QueryType::Breakdown, &json!({"by": by, "field": field, "operator": operator}), sql)
    };
    let total = "order.total_amount_with_taxes";
    vec![
        top("orders by status", ORDERS, ["status", "count(*)"], ["order.status", "order.id", "value_count"]),
        top("top markets", ORDERS, ["market", "sum(total)"], ["market.name", total, "sum"]),
        top("top customers", ORDERS, ["email", "sum(total)"], ["customer.email", total, "sum"]),
        top("top products by quantity", LINES, ["code", "sum(quantity)"], ["line_items.code", "line_items.quantity", "sum"]),
        top("top products by orders", LINES, ["code", "count(DISTINCT sale)"], ["line_items.code", "order.id", "value_count"]),
    ]
}

fn totals() -> Vec<Case> {
    let stats = |title, from, field: &str, operator: &str, value: &str| {
        let query = json!({"field": field, "operator": operator});
        case(title, QueryType::Stats, &query, format!("SELECT {value} FROM {from} WHERE {WHERE}"))
    };
    let page = json!({"fields": ["order.*", "customer.email"], "limit": 50, "sort_by": "order.placed_at"});
    let count = format!("SELECT count(*) FROM {ORDERS} WHERE {WHERE}");
    let mut together = case(
        "bought together",
        QueryType::BoughtTogether,
        &json!({}),
        format!(
            "SELECT item AS k, count(DISTINCT sale) AS v, any_value(name), any_value(kind) FROM {LINES} WHERE {WHERE} AND item <> 'i7'
             AND sale IN (SELECT sale FROM sale_item WHERE item = 'i7') AND kind IN ('skus', 'bundles') GROUP BY k ORDER BY v DESC, k LIMIT 10"
        ),
    );
    together.2.as_object_mut().expect("an object").remove(QueryType::BoughtTogether.name());
    together.2["filter"]["line_items"] = json!({"item_ids": {"in": ["i7"]}});
    vec![
        stats("stats of amounts", ORDERS, "order.total_amount_with_taxes", "stats", "count(total), min(total), max(total), sum(total)"),
        stats("number of orders", ORDERS, "order.id", "value_count", "count(*)"),
        stats("number of customers", ORDERS, "customer.email", "cardinality", "count(DISTINCT email)"),
        stats("quantities", LINES, "line_items.quantity", "sum", "sum(quantity)"),
        case(
            "a page of orders",
            QueryType::Search,
            &page,
            format!("SELECT document, ({count}) FROM {ORDERS} WHERE {WHERE} ORDER BY placed_at DESC, number LIMIT 50"),
        ),
        together,
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
