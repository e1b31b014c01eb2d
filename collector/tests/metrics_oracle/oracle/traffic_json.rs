//! Parts of the expected events and visits as JSON.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tillroll_collector::projection::source::TrackedEvent;
use tillroll_collector::sources::{Device, Source};
use tillroll_collector::time;

/// The member of a visit that has its orders until [`with_orders_of`].
pub(crate) const ORDERS: &str = "all_orders";

/// Returns the time by which an order belongs to a visit.
pub(crate) fn placed_at(order: &Value) -> Option<i64> {
    date(order, "placed_at").or_else(|| date(order, "created_at"))
}

/// Returns how many a changed basket has more, and of which product, if it is one.
pub(crate) fn added(event: &TrackedEvent) -> Option<(f64, Option<String>)> {
    let params: Value = serde_json::from_str(&event.params).unwrap();
    let changes = params["changes"].as_array()?.clone();
    let counts =
        changes.iter().map(|change| (change["to"].as_f64().unwrap() - change["from"].as_f64().unwrap(), text(change, "product_id")));
    let more: Vec<_> = counts.filter(|(count, _)| *count > 0.0).collect();
    let product = if more.len() == 1 { more[0].1.map(str::to_owned) } else { None };
    (!more.is_empty()).then(|| (more.iter().map(|(count, _)| count).sum(), product))
}

/// Returns visits, or events with their visits, of which only orders in these markets count; without any, in all.
pub(crate) fn with_orders_of(markets: &[String], records: &[Value]) -> Vec<Value> {
    let is_seen = |order: &&Value| markets.is_empty() || markets.iter().any(|market| text(&order["market"], "id") == Some(market));
    let mut records = records.to_vec();
    for record in &mut records {
        let visit = if record["visit"].is_object() { &mut record["visit"] } else { record };
        if let Some(Value::Array(orders)) = visit.as_object_mut().unwrap().remove(ORDERS) {
            add_orders(visit, &orders.iter().filter(is_seen).collect::<Vec<_>>());
        }
    }
    records
}

fn add_orders(json: &mut Value, orders: &[&Value]) {
    json["ordered"] = json!(!orders.is_empty());
    json["orders_count"] = json!(orders.len());
    let placed = |order: &Value| (date(order, "placed_at").is_none(), date(order, "placed_at"), text(order, "id").map(str::to_owned));
    let mut orders = orders.to_vec();
    orders.sort_by_key(|order| placed(order));
    let (currency, amounts) = currency_and_amounts(&orders);
    set(json, "revenue", (!amounts.is_empty()).then(|| amounts.iter().sum::<f64>() / 1e6));
    set(json, "currency_code", currency);
}

/// Returns the currency of a visit or a customer with these orders, the first one first, and the amounts that are added, in millionths.
pub(crate) fn currency_and_amounts<'a>(orders: &[&'a Value]) -> (Option<&'a str>, Vec<f64>) {
    let currency = |order: &'a Value| text(order, "currency_code").filter(|code| !code.is_empty());
    let all: BTreeSet<_> = orders.iter().filter_map(|order| currency(order)).collect();
    let is_only = all.len() == 1;
    let of_all = if is_only { all.first().copied() } else { orders.first().and_then(|first| currency(first)) };
    let added = orders.iter().filter(|order| is_only || currency(order) == of_all);
    let amounts = added.filter_map(|order| order["total_amount_with_taxes"].as_f64()).map(|amount| (amount * 1e6).round());
    (of_all, amounts.collect())
}

#[expect(clippy::cast_possible_truncation, reason = "small numbers")]
fn quantity(event: &TrackedEvent, added: Option<f64>) -> Option<Value> {
    let params: Value = serde_json::from_str(&event.params).unwrap();
    let count = added.or_else(|| params["quantity"].as_f64())?;
    Some(if count % 1.0 == 0.0 { json!(count as i64) } else { json!(count) })
}

/// Returns an event, of a visit with this store or with the e-mail of its visitor then.
pub(crate) fn event_json(event: &TrackedEvent, of: Option<(Option<&str>, &Value)>, linked: Option<String>) -> Value {
    let email = given_email(event).or(linked.filter(|_| of.is_none()));
    let mut json = of.map_or_else(
        || json!({}),
        |(_, visit)| {
            let mut inner = visit.clone();
            let object = inner.as_object_mut().unwrap();
            let related: Vec<_> =
                ["source", "device", "country", "visitor", "customer", "market"].iter().map(|name| (*name, object.remove(*name))).collect();
            let mut json = json!({ "visit": inner });
            related.into_iter().for_each(|(name, value)| set(&mut json, name, value));
            json
        },
    );
    for (name, value) in [
        ("id", json!(event.id.hyphenated().to_string())),
        ("type", json!(event.event_type)),
        ("api", json!(event.api)),
        ("time", json!(time::format_rfc3339_millis(event.time))),
        ("received_at", json!(time::format_rfc3339_millis(event.received_at))),
        ("is_bot", json!(event.is_bot)),
    ] {
        json[name] = value;
    }
    set(&mut json, "name", param(event, "name"));
    let added = added(event);
    set(&mut json, "quantity", quantity(event, added.as_ref().map(|(count, _)| *count)));
    json["page"] = json!({"host": "own", "path": path(event)});
    set(&mut json["page"], "title", Some(event.title.clone()).filter(|title| !title.is_empty()));
    if let Some(id) = param(event, "product_id").or(added.and_then(|(_, product)| product)) {
        json["product"] = if id == "a" { json!({"id": id, "name": "b", "category": "10"}) } else { json!({ "id": id }) };
    }
    if let Some(query) = param(event, "query") {
        json["search"] = json!({ "query": query });
    }
    for (name, value) in
        [("type", event.client.device.kind()), ("browser", event.client.device.browser()), ("system", event.client.device.system())]
    {
        if json["device"][name].is_null() {
            set(&mut json["device"], name, value);
        }
    }
    if let (true, Some(code)) = (json["country"].is_null(), event.client.country.code()) {
        json["country"] = json!({ "code": code });
    }
    let visitor = |json: &Value, name: &str| text(&json["visitor"], name).map(str::to_owned);
    let id = visitor(&json, "id").or(event.visitor.clone());
    let person = visitor(&json, "person").or(email.clone()).or(event.visitor.clone());
    json["visitor"] = json!({});
    set(&mut json["visitor"], "id", id);
    set(&mut json["visitor"], "person", person);
    if let (true, Some(email)) = (json["customer"].is_null(), &email) {
        json["customer"] = json!({ "email": email });
    }
    json["market"] = market(of.and_then(|(store, _)| store).or(event.store.as_deref()));
    json.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    json
}

/// Returns the e-mail under which an event was sent, or that it gives.
pub(crate) fn given_email(event: &TrackedEvent) -> Option<String> {
    event.email.clone().or_else(|| param(event, "email").filter(|_| event.event_type == "identify"))
}

pub(crate) fn source(event: &TrackedEvent) -> Source {
    Source::of_arrival(&event.url, &event.referrer)
}

pub(crate) fn source_json(source: &Source) -> Value {
    let mut json = json!({"channel": source.channel, "name": source.name});
    let optional = [("medium", &source.medium), ("campaign", &source.campaign), ("term", &source.term), ("content", &source.content)];
    optional.into_iter().for_each(|(name, value)| set(&mut json, name, value.clone()));
    set(&mut json, "click_id", source.click_id);
    json
}

pub(crate) fn market(store: Option<&str>) -> Value {
    let store = store.unwrap_or("shop");
    json!({"id": store, "name": store, "number": store})
}

pub(crate) fn path(event: &TrackedEvent) -> String {
    event.url.trim_start_matches("https://own").split('?').next().unwrap().to_owned()
}

pub(crate) fn param(event: &TrackedEvent, name: &str) -> Option<String> {
    serde_json::from_str::<Value>(&event.params).unwrap()[name].as_str().map(str::to_owned)
}

pub(crate) fn text<'a>(json: &'a Value, name: &str) -> Option<&'a str> {
    json[name].as_str()
}

pub(crate) fn date(json: &Value, name: &str) -> Option<i64> {
    text(json, name).map(|text| time::parse_rfc3339(text).unwrap().millis)
}

pub(crate) fn set(json: &mut Value, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        json[name] = value.into();
    }
}

/// Returns the device of a visit with these events: each part as the first event names it.
pub(crate) fn device_json(events: &[&TrackedEvent]) -> Value {
    let find = |read: fn(Device) -> Option<&'static str>| events.iter().find_map(|event| read(event.client.device));
    let mut device = json!({});
    set(&mut device, "type", find(Device::kind));
    set(&mut device, "browser", find(Device::browser));
    set(&mut device, "system", find(Device::system));
    device
}
