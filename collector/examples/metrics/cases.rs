//! The twelve questions: each as a metrics query, and as the statement of an analyst over narrow tables made for these questions.

use serde_json::{Value, json};
use tillroll_collector::metrics::catalog::RecordKind;
use tillroll_collector::metrics::parse::QueryType;
use tillroll_collector::projection::{Document, JsonText};
use tillroll_collector::time;

use crate::running_server::Case;

/// The tables of the baseline.
const ORDERS: &str = "sale";
const LINES: &str = "sale JOIN sale_item ON sale_item.sale = sale.id";
const WHERE: &str = "placed_at >= '2021-01-01' AND placed_at < '2022-01-01'";

pub(crate) fn cases() -> Vec<Case> {
    [series(), tops(), totals()].into_iter().flatten().collect()
}

fn case(title: &'static str, kind: QueryType, query: &Value, sql: String) -> Case {
    let dates = json!({"order": {"date_from": "2021-01-01T00:00:00Z", "date_to": "2021-12-31T23:59:59Z", "date_field": "placed_at"}});
    let path = if kind == QueryType::BoughtTogether { "analysis/fbt".into() } else { format!("orders/{}", kind.name()) };
    Case { title, path, body: json!({ kind.name(): query, "filter": dates }), sql }
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
    together.body.as_object_mut().expect("an object").remove(QueryType::BoughtTogether.name());
    together.body["filter"]["line_items"] = json!({"item_ids": {"in": ["i7"]}});
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
pub(crate) fn document(number: i64) -> Document {
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
    Document {
        project: 1,
        record_kind: RecordKind::Orders,
        key: format!("o{number}"),
        change: number + 1,
        json: Some(JsonText::Plain(json.to_string())),
    }
}

fn pick(list: &[&'static str], number: i64) -> &'static str {
    usize::try_from(number).map_or("", |number| list[number % list.len()])
}
