//! Compares metrics queries with the same aggregates written by hand, on the same rows: `cargo run --release --example metrics -- 1000000`.
//!
//! It prints the time of each query and its ratio to the bare one, both the best of several turns.

use std::time::Duration;

use serde_json::{Value, json};
use tillroll_collector::analytics::{Document, Projection};
use tillroll_collector::clock::Stopwatch;
use tillroll_collector::metrics::catalogue::{Family, Resource};
use tillroll_collector::metrics::moment;
use tillroll_collector::metrics::plan::{self, Context, LONGEST_DAYS, Type};
use tillroll_collector::metrics::print::{Scope, Statement, duckdb};

const BATCH: i64 = 20_000;
const TURNS: usize = 15;
const SCOPE: Scope<'_> = Scope { project: 1, organization: "shop", markets: &[] };
const ORDERS: &str = "\"orders\" d";
const LINES: &str = "\"orders\" d JOIN \"orders.line_items\" l ON l.doc = d.doc";
const WHERE: &str = "d.project = 1 AND NOT d.cart AND d.\"order.placed_at\" >= '2021-01-01' AND d.\"order.placed_at\" < '2022-01-01'";

fn main() {
    let orders = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let folder = tempfile::tempdir().expect("a folder");
    let projection = Projection::open(&folder.path().join("bench.duckdb"), 0).expect("a projection");
    let watch = Stopwatch::start();
    for first in (0..orders).step_by(BATCH as usize) {
        let documents: Vec<_> = (first..orders.min(first + BATCH)).map(document).collect();
        projection.apply(&documents, first + BATCH).expect("a batch");
    }
    println!("{orders} orders in {:.1} s", watch.elapsed().as_secs_f64());
    for (title, kind, body, bare) in cases() {
        let statements = print(kind, &body);
        let ours = best(|| drop(projection.run(&statements).expect("rows")));
        let theirs = best(|| drop(projection.run(&[Statement { text: bare.clone(), values: Vec::new() }]).expect("rows")));
        println!("{title:<36} {:>8.1} ms {:>8.1} ms  {:.2}", millis(ours), millis(theirs), ours.as_secs_f64() / theirs.as_secs_f64());
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn best(mut work: impl FnMut()) -> Duration {
    let mut times: Vec<_> = (0..TURNS)
        .map(|_| {
            let watch = Stopwatch::start();
            work();
            watch.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[0]
}

fn print(kind: Type, body: &Value) -> Vec<Statement> {
    let now = moment::parse("2022-01-01T00:00:00Z").map_or(0, |written| written.millis);
    let context = Context { organization: "shop", now, longest_days: LONGEST_DAYS };
    let resource = Resource::find("orders").expect("orders");
    duckdb::print(&plan::plan(resource, kind, body, context).expect("a valid query"), SCOPE)
}

type Case = (&'static str, Type, Value, String);

fn cases() -> Vec<Case> {
    [series(), tops(), totals()].into_iter().flatten().collect()
}

fn case(title: &'static str, kind: Type, query: &Value, bare: String) -> Case {
    let dates = json!({"order": {"date_from": "2021-01-01T00:00:00Z", "date_to": "2021-12-31T23:59:59Z", "date_field": "placed_at"}});
    (title, kind, json!({ kind.name(): query, "filter": dates }), bare)
}

fn series() -> Vec<Case> {
    let by = |title, interval| {
        let (field, by) = ("order.total_amount_with_taxes", "order.placed_at");
        let query = json!({"by": by, "field": field, "operator": "sum", "interval": interval});
        let key = format!("date_trunc('{interval}', d.\"{by}\")");
        let bare = format!("SELECT {key} AS k, sum(d.\"{field}\") FROM \"orders\" d WHERE {WHERE} GROUP BY k ORDER BY k");
        case(title, Type::DateBreakdown, &query, bare)
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
        case(title, Type::Breakdown, &query, bare)
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
        case(title, Type::Stats, &query, format!("SELECT {value} FROM {from} WHERE {WHERE}"))
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
        case("a page of orders", Type::Search, &page, format!("SELECT d.json, ({count}) FROM {ORDERS} WHERE {WHERE} {order}")),
    ]
}

/// An order with three line items, made of its number alone.
fn document(number: i64) -> Document {
    let mixed = number.wrapping_mul(2_654_435_761).rem_euclid(1 << 31);
    let at = moment::to_text(1_609_459_200_000 + mixed * 22 % (540 * moment::DAY));
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
    Document { project: 1, family: Family::Orders, key: format!("o{number}"), change: number + 1, json: Some(json.to_string()) }
}

fn pick(list: &[&'static str], number: i64) -> &'static str {
    usize::try_from(number).map_or("", |number| list[number % list.len()])
}
