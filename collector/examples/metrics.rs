//! Compares metrics queries with the same aggregates written by hand, on the same rows, and quiet times with those while events come in:
//! `cargo run --release -p tillroll-collector --example metrics -- [ORDERS] [FOLDER]`.
//!
//! Ours is a whole request over HTTP: token, plan, SQL, rows, JSON. The bare one is the statement alone, on the same engine in the same
//! program. They take turns, so that whatever else the machine does meets both, and the best of each counts. Under load the queries take
//! turns as well, and it is the median that is compared with the quiet one. A folder that is named keeps the orders for the next run.

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

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: i64 = 20_000;
const TURNS: usize = 25;
const EVENTS_A_SECOND: u64 = 20_000;
const ORDERS: &str = "\"orders\" d";
const LINES: &str = "\"orders\" d JOIN \"orders.line_items\" l ON l.doc = d.doc";
const WHERE: &str = "d.project = 1 AND NOT d.cart AND d.\"order.placed_at\" >= '2021-01-01' AND d.\"order.placed_at\" < '2022-01-01'";

fn main() {
    let orders = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let temporary = tempfile::tempdir().expect("a folder");
    let folder = std::env::args().nth(2).map_or_else(|| temporary.path().to_owned(), Into::into);
    fill(&folder, orders);
    let runtime = Builder::new_multi_thread().enable_all().build().expect("a runtime");
    // The engine allows one opener a file, so the bare statements run on a copy.
    let copy = tempfile::tempdir().expect("a folder");
    std::fs::copy(folder.join(FILE), copy.path().join(FILE)).expect("a copy of the projection");
    let bare = DuckDbEngine::open(copy.path(), i64::MAX).expect("the copy");
    let shop = Shop::open(&runtime, &folder);
    let quiet: Vec<_> = cases().iter().map(|case| compare(&bare, &shop, case)).collect();
    println!();
    let mut loaded = vec![Vec::new(); quiet.len()];
    let rate = load::during(&shop.address, EVENTS_A_SECOND, || {
        for _ in 0..TURNS {
            cases().iter().zip(&mut loaded).for_each(|(case, times)| times.push(time(|| shop.ask(case))));
        }
    });
    for ((case, quiet), loaded) in cases().iter().zip(quiet).zip(loaded) {
        let best = ratio(best(&loaded), best(&quiet));
        let (loaded, quiet) = (median(loaded), median(quiet));
        let ratio = ratio(loaded, quiet);
        println!("{:<36} {:>8.1} ms {:>8.1} ms  {ratio:.2}  under load; {best:.2} by the best", case.0, millis(loaded), millis(quiet));
    }
    println!("{rate:.0} events a second came in");
}

/// A collector on a socket, and a token for it.
struct Shop {
    address: String,
    agent: ureq::Agent,
    token: String,
}

impl Shop {
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
        let mut answer = agent.post(format!("http://{address}/oauth/token")).send(grant.join("&")).expect("a token");
        let answer: Value = serde_json::from_str(&answer.body_mut().read_to_string().expect("a text")).expect("JSON");
        Self { address, agent, token: answer["access_token"].as_str().expect("a token").to_owned() }
    }

    fn ask(&self, (_, kind, body, _): &Case) {
        let request = self.agent.post(format!("http://{}/metrics/orders/{}", self.address, kind.name()));
        let request = request.header("authorization", format!("Bearer {}", self.token)).header("accept", "application/vnd.api.v1+json");
        let mut answer = request.header("content-type", "application/vnd.api+json").send(body.to_string()).expect("an answer");
        drop(answer.body_mut().read_to_string().expect("a text"));
    }
}

/// The feed of a new store has come to no change yet, so the server takes these orders for its own.
fn fill(folder: &Path, orders: i64) {
    let file = folder.join(FILE);
    if file.exists() {
        return;
    }
    std::fs::create_dir_all(folder).expect("a folder");
    let (projection, watch) = (DuckDbEngine::open(folder, 0).expect("a projection"), Stopwatch::start());
    for first in (0..orders).step_by(BATCH as usize) {
        let documents: Vec<_> = (first..orders.min(first + BATCH)).map(document).collect();
        projection.apply(&documents, Watermarks::default()).expect("a batch");
    }
    println!("{orders} orders in {:.1} s", watch.elapsed().as_secs_f64());
}

/// Prints our best time and the best of the bare statement; returns all of ours.
fn compare(engine: &DuckDbEngine, shop: &Shop, case: &Case) -> Vec<Duration> {
    let bare = || Statement { text: case.3.clone(), values: Vec::new() };
    let run = || drop(engine.run(&[bare()]).expect("rows"));
    let (ours, theirs): (Vec<_>, Vec<_>) = (0..TURNS).map(|_| (time(|| shop.ask(case)), time(run))).unzip();
    let (our_best, their_best) = (best(&ours), best(&theirs));
    println!("{:<36} {:>8.1} ms {:>8.1} ms  {:.2}", case.0, millis(our_best), millis(their_best), ratio(our_best, their_best));
    ours
}

fn best(times: &[Duration]) -> Duration {
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

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

type Case = (&'static str, QueryType, Value, String);

fn cases() -> Vec<Case> {
    [series(), tops(), totals()].into_iter().flatten().collect()
}

fn case(title: &'static str, kind: QueryType, query: &Value, bare: String) -> Case {
    let dates = json!({"order": {"date_from": "2021-01-01T00:00:00Z", "date_to": "2021-12-31T23:59:59Z", "date_field": "placed_at"}});
    (title, kind, json!({ kind.name(): query, "filter": dates }), bare)
}

fn series() -> Vec<Case> {
    let by = |title, interval| {
        let (field, by) = ("order.total_amount_with_taxes", "order.placed_at");
        let query = json!({"by": by, "field": field, "operator": "sum", "interval": interval});
        let key = format!("date_trunc('{interval}', d.\"{by}\")");
        let bare = format!("SELECT {key} AS k, sum(d.\"{field}\") FROM \"orders\" d WHERE {WHERE} GROUP BY k ORDER BY k");
        case(title, QueryType::DateBreakdown, &query, bare)
    };
    vec![by("amounts by day", "day"), by("amounts by month", "month")]
}

fn tops() -> Vec<Case> {
    let top = |title, from, by: &str, field: &str, operator: &str, value: &str| {
        let query = json!({"by": by, "field": field, "operator": operator});
        let key = if from == LINES { "l" } else { "d" };
        let bare = format!(
            "SELECT {key}.\"{by}\" AS k, {value} AS v FROM {from} WHERE {WHERE} AND k IS NOT NULL GROUP BY k ORDER BY v DESC, k LIMIT 10"
        );
        case(title, QueryType::Breakdown, &query, bare)
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

/// An order with three line items, made of its number alone.
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
    Document { project: 1, family: RecordKind::Orders, key: format!("o{number}"), change: number + 1, json: Some(json.to_string()) }
}

fn pick(list: &[&'static str], number: i64) -> &'static str {
    usize::try_from(number).map_or("", |number| list[number % list.len()])
}
