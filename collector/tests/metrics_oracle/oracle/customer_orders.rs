//! The place of each order among the orders of its customer, as the documentation describes it.

use serde_json::{Value, json};
use tillroll_collector::time;

use super::traffic_json::{placed_at, text};

/// Returns the records with the attributes that are computed about orders, of the orders in these markets; without any, in all.
pub(crate) fn add(records: &[Value], markets: &[String]) -> Vec<Value> {
    let is_order = |record: &&Value| !["draft", "pending"].contains(&text(record, "status").unwrap_or_default());
    let is_seen = |record: &&Value| markets.is_empty() || markets.iter().any(|market| text(&record["market"], "id") == Some(market));
    let orders: Vec<_> = records.iter().filter(is_order).filter(is_seen).collect();
    records.iter().map(|record| with_place(record, &orders)).collect()
}

fn with_place(record: &Value, orders: &[&Value]) -> Value {
    let mut record = record.clone();
    let Some(email) = text(&record["customer"], "email") else { return record };
    let own: Vec<_> = orders.iter().filter(|order| text(&order["customer"], "email") == Some(email)).collect();
    if own.iter().all(|order| order["id"] != record["id"]) {
        return record;
    }
    let place = |order: &Value| (placed_at(order).is_none(), placed_at(order), text(order, "id").map(str::to_owned));
    let before = own.iter().filter(|order| place(order) < place(&record)).count();
    let first = own.iter().filter_map(|order| placed_at(order)).min();
    let count = own.len();
    record["customer"]["orders_before"] = json!(before);
    record["customer"]["orders_count"] = json!(count);
    if let Some(first) = first {
        record["customer"]["first_order_at"] = json!(time::format_rfc3339_millis(first));
    }
    record
}
