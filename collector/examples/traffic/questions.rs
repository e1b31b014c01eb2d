//! The twelve commonest questions of the reports: each as a metrics query over HTTP, and as the bare statement of an analyst over the tables of the
//! engine.

use std::path::Path;

use serde_json::{Value, json};
use tokio::runtime::Builder;

use crate::running_server::{self, Case, RunningServer, open_copy, print_mean, run, time};

const RUNS: usize = 7;
/// The name of a record in the API, its table, and the condition on the shop and the dates.
const VISITS: [&str; 3] = ["visit", "visits v", "v.project = 1 AND v.started_at >= '2023-11-14' AND v.started_at < '2024-02-12'"];
const EVENTS: [&str; 3] = ["event", "events e", "e.project = 1 AND e.time >= '2023-11-14' AND e.time < '2024-02-12'"];

/// Prints the times and the ratios. The queries and the statements take turns, and the minimum of each counts.
pub(crate) fn compare(folder: &Path) {
    let open = || {
        let runtime = Builder::new_multi_thread().enable_all().build().expect("a runtime");
        let server = RunningServer::open(&runtime, folder, &["--metrics-days", "4000"]);
        (runtime, server)
    };
    // The first query makes the engine compute which orders are in which visits, and the copy has that too.
    let (runtime, server) = open();
    cases().iter().for_each(|case| server.query(case));
    // Its end closes the file.
    drop(runtime);
    let copy = tempfile::tempdir().expect("a folder");
    let baseline = open_copy(folder, copy.path());
    let (_runtime, server) = open();
    let ratios: Vec<_> = cases()
        .iter()
        .map(|case| {
            let times = (0..RUNS).map(|_| (time(|| server.query(case)), time(|| run(&baseline, &case.sql))));
            let (queries, statements): (Vec<_>, Vec<_>) = times.unzip();
            running_server::compare(case.title, &queries, &statements)
        })
        .collect();
    print_mean(&ratios);
}

fn cases() -> Vec<Case> {
    let mut all = vec![by_day()];
    all.extend(totals());
    all.extend(tops());
    all
}

/// Returns a question about the 90 days, with a further filter.
fn case(title: &'static str, [main, ..]: [&str; 3], kind: &str, query: &Value, more: &Value, sql: String) -> Case {
    let mut filter = json!({"date_from": "2023-11-14T00:00:00Z", "date_to": "2024-02-11T23:59:59Z"});
    let object = filter.as_object_mut().expect("an object");
    object.extend(more.as_object().cloned().unwrap_or_default());
    Case { title, path: format!("{main}s/{kind}"), body: json!({ kind: query, "filter": { main: filter } }), sql }
}

fn by_day() -> Case {
    let [_, table, dates] = VISITS;
    let query = json!({"by": "visit.started_at", "field": "visit.id", "operator": "value_count", "interval": "day"});
    let sql = format!("SELECT date_trunc('day', v.started_at) AS k, count(*) FROM {table} WHERE {dates} GROUP BY k ORDER BY k");
    case("visits by day", VISITS, "date_breakdown", &query, &Value::Null, sql)
}

fn totals() -> Vec<Case> {
    let [_, table, dates] = VISITS;
    let people = "visits v LEFT JOIN links l ON l.visitor_number = v.visitor_number AND l.since <= v.ended_at AND v.ended_at < l.until";
    let person = "count(DISTINCT coalesce(v.email_number, l.email_number, v.visitor_number))";
    let total = |title, [field, operator]: [&str; 2], more: Value, value: &str, from: &str, condition: &str| {
        let sql = format!("SELECT {value} FROM {from} WHERE {dates}{condition}");
        case(title, VISITS, "stats", &json!({"field": field, "operator": operator}), &more, sql)
    };
    let count = ["visit.id", "value_count"];
    vec![
        total("visitors", ["visitor.id", "cardinality"], Value::Null, person, people, ""),
        total("pages viewed", ["visit.pages_count", "sum"], Value::Null, "sum(v.pages_count)", table, ""),
        total("bounces", count, json!({"is_bounce": true}), "count(*)", table, " AND v.is_bounce"),
        total("visits with a cart", count, json!({"added_to_cart": true}), "count(*)", table, " AND v.added_to_cart"),
    ]
}

fn tops() -> Vec<Case> {
    let top = |title, of: [&str; 3], by: &str, measure: [&str; 2], more: Value, [key, value, from, condition]: [&str; 4]| {
        let dates = of[2];
        let sql = format!(
            "SELECT {key} AS k, {value} AS n FROM {from} WHERE {dates} AND {key} IS NOT NULL{condition} GROUP BY k ORDER BY n DESC, k LIMIT 10"
        );
        case(title, of, "breakdown", &json!({"by": by, "field": measure[0], "operator": measure[1]}), &more, sql)
    };
    let visits = |title, by: &str, column: &str| {
        top(title, VISITS, by, ["visit.id", "value_count"], Value::Null, [column, "count(*)", VISITS[1], ""])
    };
    let events = |title, by: &str, column: &str, types: &[&str]| {
        let list: Vec<_> = types.iter().map(|name| format!("'{name}'")).collect();
        let condition = format!(" AND e.type IN ({})", list.join(", "));
        let more = json!({"types": {"in": types}});
        top(title, EVENTS, by, ["event.id", "value_count"], more, [column, "count(*)", EVENTS[1], &condition])
    };
    vec![
        visits("channels", "source.channel", "v.channel"),
        visits("sources", "source.name", "v.source"),
        visits("campaigns", "source.campaign", "v.campaign"),
        visits("landing pages", "visit.entry_path", "v.entry_path"),
        events("pages", "page.path", "e.path", &["page_view", "product_view", "category_view", "article_view", "search"]),
        events("searches", "search.query", "e.query", &["search"]),
        top(
            "revenue by channel",
            VISITS,
            "source.channel",
            ["visit.revenue", "sum"],
            json!({"currency_codes": {"in": ["EUR"]}}),
            ["v.channel", "sum(v.revenue)", "ordered_visits v", " AND v.currency = 'EUR'"],
        ),
    ]
}
