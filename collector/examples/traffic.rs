//! Benchmark: brings events over to the projection, and prints the rate and the bytes that an event takes in the file; then compares the commonest
//! questions of the reports with bare statements:
//! `cargo run --release -p tillroll-collector --example traffic -- [EVENTS] [FOLDER]`.
//!
//! The events are those of a shop whose visits overlap: each batch has the events of many visits, and a visit's events lie in one batch or two.
//! They lie within 90 days from 14 November 2023 on. After them comes an order for every 67 events. A server with this data folder and an empty store
//! accepts the projection as up to date, and serves reports about it; with FOLDER it stays there.

#[path = "traffic/questions.rs"]
mod questions;
#[path = "metrics/running_server.rs"]
#[allow(dead_code, reason = "the benchmark `metrics` uses the rest of it")]
mod running_server;

use std::path::PathBuf;

use serde_json::json;
use tillroll_collector::clock::Stopwatch;
use tillroll_collector::metrics::catalog::RecordKind;
use tillroll_collector::projection::duckdb::{DuckDbEngine, FILE};
use tillroll_collector::projection::source::{IdentityLink, MAX_EVENTS, MAX_RECORDS, Position, TrackedChanges, TrackedEvent};
use tillroll_collector::projection::{AnalyticsEngine, Document, JsonText};
use tillroll_collector::sources::Client;
use tillroll_collector::time;
use uuid::Uuid;

/// The allocator of the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const VISIT_EVENTS: i64 = 7;
/// How many visits go on at the same time.
const OPEN_VISITS: i64 = 500;
const VISITORS: i64 = 1_000_000;
const EVENTS_OF_AN_ORDER: i64 = 67;
const FIRST_MILLIS: i64 = 1_700_000_000_000;

fn main() {
    let events: i64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let kept: Option<PathBuf> = std::env::args().nth(2).map(Into::into);
    let temporary = tempfile::tempdir().expect("a folder");
    let folder = kept.as_deref().unwrap_or(temporary.path());
    std::fs::create_dir_all(folder).expect("a folder");
    let engine = DuckDbEngine::open(folder, Position::default()).expect("a projection");
    let step = 90 * time::DAY_MS / events;
    let mut seconds = 0.0;
    for first in (0..events).step_by(MAX_EVENTS) {
        let batch: Vec<_> = (first..events.min(first + MAX_EVENTS as i64)).map(|number| event(number, step)).collect();
        let links = batch.iter().filter(|event| event.event_type == "identify").map(link).collect::<Vec<_>>();
        let linked = links.iter().map(|link| (link.project, link.visitor.clone())).collect();
        let changes = TrackedChanges { events: batch, links, linked, ..TrackedChanges::default() };
        let watch = Stopwatch::start();
        engine.apply(&[], &changes, Position::default()).expect("a batch");
        seconds += watch.elapsed().as_secs_f64();
    }
    drop(engine);
    let bytes = std::fs::metadata(folder.join(FILE)).expect("a file").len();
    println!(
        "{events} events in {seconds:.1} s: {:.0} events/s, {:.0} bytes an event",
        events as f64 / seconds,
        bytes as f64 / events as f64
    );
    let engine = DuckDbEngine::open(folder, Position::default()).expect("the projection");
    add_orders(&engine, events, step);
    drop(engine);
    questions::compare(folder);
}

/// Adds orders of the customers, each a moment after one of its visits began.
fn add_orders(engine: &DuckDbEngine, events: i64, step: i64) {
    let orders = events / EVENTS_OF_AN_ORDER;
    for first in (0..orders).step_by(MAX_RECORDS) {
        let order = |number: i64| {
            let visit = number * EVENTS_OF_AN_ORDER / VISIT_EVENTS / 4 * 4;
            let at = time::format_rfc3339_millis(FIRST_MILLIS + visit * VISIT_EVENTS * step + 600_000);
            let json = json!({
                "id": format!("o{number}"), "number": number.to_string(), "status": "approved", "currency_code": "EUR", "placed_at": at, "created_at": at,
                "current_date": at, "total_amount_with_taxes": (number * 7_919 % 20_000) as f64 / 100.0, "skus_count": 1,
                "customer": {"email": format!("customer{}@example.com", visitor(visit))}, "market": {"id": "m1", "name": "Market"},
                "line_items": [{"id": format!("l{number}"), "code": format!("p{}", number % 2_000), "item_type": "skus", "name": format!("Product {}", number % 2_000),
                    "quantity": 1, "total_amount": 9.99}],
            });
            Document {
                project: 1,
                record_kind: RecordKind::Orders,
                key: format!("o{number}"),
                change: number + 1,
                json: Some(JsonText::Plain(json.to_string())),
            }
        };
        let documents: Vec<_> = (first..orders.min(first + MAX_RECORDS as i64)).map(order).collect();
        engine.apply(&documents, &TrackedChanges::default(), Position::default()).expect("a batch of orders");
    }
}

fn visitor(visit: i64) -> i64 {
    visit.wrapping_mul(48_271) % VISITORS
}

/// Returns an event that depends only on its number; `step` is the time between two, in milliseconds.
fn event(number: i64, step: i64) -> TrackedEvent {
    let round = number / (OPEN_VISITS * VISIT_EVENTS);
    let place = number % (OPEN_VISITS * VISIT_EVENTS) / OPEN_VISITS;
    let visit = round * OPEN_VISITS + number % OPEN_VISITS;
    let visitor = visitor(visit);
    let product = number.wrapping_mul(2_654_435_761).rem_euclid(2_000);
    let (event_type, path, params) = match place {
        0 => ("land", "/".to_owned(), land(visit)),
        1 => ("page_view", "/".to_owned(), "{}".to_owned()),
        2 => ("search", "/search".to_owned(), format!("{{\"query\":\"word {}\"}}", visit % 500)),
        5 => ("basket_add", format!("/p/{product}"), format!("{{\"product_id\":\"p{product}\",\"quantity\":1}}")),
        6 if visit % 4 == 0 => ("identify", "/account".to_owned(), "{}".to_owned()),
        _ => ("product_view", format!("/p/{product}"), format!("{{\"product_id\":\"p{product}\"}}")),
    };
    let mixed = u128::from(number.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let time = FIRST_MILLIS + number * step;
    TrackedEvent {
        seq: number + 1,
        project: 1,
        id: Uuid::from_u128((u128::from(time.unsigned_abs()) << 80) | (7 << 76) | (2 << 62) | (mixed >> 2)),
        event_type: event_type.into(),
        api: "tillroll".into(),
        time,
        received_at: time + 900,
        visitor: Some(format!("{visitor:032x}")),
        email: (event_type == "identify").then(|| format!("customer{visitor}@example.com")),
        session: Some(format!("{visit:016x}")),
        store: None,
        url: format!("https://shop.example{path}"),
        referrer: "https://shop.example/".into(),
        title: format!("A page of the shop, {path}"),
        params,
        is_bot: false,
        client: Client::default(),
    }
}

fn land(visit: i64) -> String {
    let query = if visit % 3 == 0 { format!("?utm_source=news&utm_medium=email&utm_campaign=c{}", visit % 40) } else { String::new() };
    let source = ["", "https://www.google.com/", "https://www.instagram.com/"][usize::try_from(visit % 3).unwrap_or(0)];
    format!("{{\"current_url\":\"https://shop.example/{query}\",\"source_url\":\"{source}\"}}")
}

fn link(event: &TrackedEvent) -> IdentityLink {
    let (visitor, email) = (event.visitor.clone().unwrap_or_default(), event.email.clone().unwrap_or_default());
    IdentityLink { project: event.project, visitor, since: 0, until: 9_000_000_000_000, email }
}
