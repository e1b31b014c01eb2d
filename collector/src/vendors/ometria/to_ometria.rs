//! From a stored event to requests of the headless API, for a shop that uses Ometria and this tracker side by side. Pure.
//!
//! The translation is lossy: the API has views, baskets and orders only. Calls of other vendors' APIs are not forwarded, because a shop
//! that reports the same action through two APIs would be counted twice. Nor are the events of bots.
//!
//! The requests carry the shop's own credentials, so an order, a cancellation or a return is only translated if the shop's secret vouches
//! for it. `POST /api/track` requires the secret for these, and no other entrance accepts events of the headless API.

use serde_json::{Map, Value, json};

use tillroll_protocol::apis::HEADLESS;

use crate::vendors::ometria::headless::{LINE, ORDER};

/// The APIs of which calls are forwarded.
const FORWARDED_APIS: [&str; 2] = ["ometria", HEADLESS];

/// Returns the requests for an exported event, in order; none if the API has no equivalent. Each has a `request_id` derived from the
/// event's id, so that the receiver can deduplicate retries.
pub fn requests(event: &Value) -> Vec<Value> {
    let text = |name: &str| event[name].as_str().unwrap_or_default();
    if !FORWARDED_APIS.contains(&text("api")) || event["bot"] == true {
        return Vec::new();
    }
    let is_vouched_for = text("api") == HEADLESS;
    let params = &event["params"];
    let translated: Vec<(&str, Option<&str>, Value)> = match text("type") {
        "page_view" | "product_view" => vec![("view", None, view_data(params))],
        "basket_add" => vec![("basket", Some("add"), line(&params["product_id"], &params["quantity"]))],
        "basket_remove" => vec![("basket", Some("remove"), line(&params["product_id"], &params["quantity"]))],
        "basket_update" => elements(&params["changes"]).iter().filter_map(basket_change).collect(),
        "order" if is_vouched_for => vec![("order", Some("add"), order(event))],
        "order_cancel" if is_vouched_for => vec![("order", Some("cancel"), order(event))],
        "order_return" if is_vouched_for => vec![("order", Some("return"), order(event))],
        _ => Vec::new(),
    };
    let is_single = translated.len() == 1;
    let request = |(at, (scope, action, data)): (usize, (&str, Option<&str>, Value))| {
        let id = text("id");
        let request_id = if is_single { id.to_owned() } else { format!("{id}-{at}") };
        let mut request = json!({"request_id": request_id, "scope": scope, "data": data});
        let optional = [("action", action.map(Value::from)), ("user", user(event)), ("context", context(event))];
        for (name, value) in optional {
            if let Some(value) = value {
                request[name] = value;
            }
        }
        request
    };
    translated.into_iter().enumerate().map(request).collect()
}

fn view_data(params: &Value) -> Value {
    let mut data = params["data"].as_object().cloned().unwrap_or_default();
    for name in ["page_type", "product_id"] {
        if let Some(value) = params.get(name) {
            data.insert(name.into(), value.clone());
        }
    }
    Value::Object(data)
}

fn line(product_id: &Value, quantity: &Value) -> Value {
    json!({"product_id": product_id, "quantity": quantity})
}

fn basket_change(change: &Value) -> Option<(&'static str, Option<&'static str>, Value)> {
    let difference = change["to"].as_f64()? - change["from"].as_f64()?;
    let action = if difference > 0.0 { "add" } else { "remove" };
    (difference != 0.0).then(|| ("basket", Some(action), line(&change["product_id"], &quantity(difference.abs()))))
}

/// Returns a quantity; a whole one without a decimal point.
fn quantity(number: f64) -> Value {
    if number.fract() == 0.0 { json!(number as u64) } else { json!(number) }
}

fn order(event: &Value) -> Value {
    let mut data = rename_members(&event["params"], ORDER);
    if let Some(Value::Array(lines)) = data.get_mut("order_lines") {
        for line in lines {
            *line = Value::Object(rename_members(line, LINE));
        }
    }
    if let Some(visitor) = visitor_id(event) {
        data.insert("user_id".into(), visitor.clone());
    }
    Value::Object(data)
}

/// Returns the members that exist, under the API's names.
fn rename_members(object: &Value, names: &[(&str, &str)]) -> Map<String, Value> {
    let member = |(ours, theirs): &(&str, &str)| Some(((*theirs).to_owned(), object.get(ours)?.clone()));
    names.iter().filter_map(member).collect()
}

fn visitor_id(event: &Value) -> Option<&Value> {
    [&event["visitor_id"], &event["email"]].into_iter().find(|name| name.as_str().is_some_and(|name| !name.is_empty()))
}

fn user(event: &Value) -> Option<Value> {
    let mut user = json!({"uid": visitor_id(event)?});
    if event["session_id"].is_string() {
        user["sid"] = event["session_id"].clone();
    }
    Some(user)
}

fn context(event: &Value) -> Option<Value> {
    let params = &event["params"];
    let mut context = params["context"].as_object().cloned().unwrap_or_default();
    let url = [&event["page"]["url"], &params["url"]];
    let category = [&params["data"]["category_id"], &params["data"]["category"]];
    let members = [("page_url", &url[..]), ("product", &[&params["product_id"]]), ("category", &category)];
    for (name, places) in members {
        if let Some(value) = places.iter().find(|value| value.is_string())
            && !context.contains_key(name)
        {
            context.insert(name.into(), (*value).clone());
        }
    }
    (!context.is_empty()).then_some(Value::Object(context))
}

fn elements(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, params: Value) -> Value {
        json!({"id": "e", "type": kind, "api": "ometria", "visitor_id": "v", "email": null, "session_id": "s",
            "page": {"url": "https://shop.example/"}, "params": params})
    }

    fn headless(kind: &str, params: Value) -> Value {
        let mut event = event(kind, params);
        event["api"] = HEADLESS.into();
        event
    }

    #[test]
    fn event_with_an_equivalent_is_translated() {
        let user = json!({"uid": "v", "sid": "s"});
        let context = json!({"page_url": "https://shop.example/"});
        let cases = [
            (
                event("page_view", json!({"page_type": "listing", "data": {"category_id": "c", "nitems": 2}})),
                json!([{"request_id": "e", "scope": "view", "data": {"category_id": "c", "nitems": 2, "page_type": "listing"},
                    "user": user, "context": {"page_url": "https://shop.example/", "category": "c"}}]),
            ),
            (
                event("basket_add", json!({"product_id": "p", "quantity": 2})),
                json!([{"request_id": "e", "scope": "basket", "action": "add", "data": {"product_id": "p", "quantity": 2},
                    "user": user, "context": {"page_url": "https://shop.example/", "product": "p"}}]),
            ),
            (
                event(
                    "basket_update",
                    json!({"lines": [], "changes": [{"product_id": "a", "from": 3, "to": 1}, {"product_id": "b", "from": 0, "to": 1.5},
                        {"product_id": "c", "from": 1, "to": 1}]}),
                ),
                json!([
                    {"request_id": "e-0", "scope": "basket", "action": "remove", "data": {"product_id": "a", "quantity": 2},
                        "user": user, "context": context},
                    {"request_id": "e-1", "scope": "basket", "action": "add", "data": {"product_id": "b", "quantity": 1.5},
                        "user": user, "context": context},
                ]),
            ),
            (
                headless(
                    "order",
                    json!({"order_id": "o", "total": 9.5, "lines": [{"product_id": "p", "sku": "k", "quantity": 1, "total": 9.5}]}),
                ),
                json!([{"request_id": "e", "scope": "order", "action": "add",
                    "data": {"order_id": "o", "order_total": 9.5, "user_id": "v",
                        "order_lines": [{"product_id": "p", "product_sku": "k", "quantity": 1, "order_line_total": 9.5}]},
                    "user": user, "context": context}]),
            ),
            (event("identify", json!({"email": "a@x.com"})), json!([])),
        ];
        for (event, expected) in cases {
            assert_eq!(Value::Array(requests(&event)), expected, "{event}");
        }
    }

    #[test]
    fn calls_of_other_vendors_and_of_bots_and_orders_of_pages_are_not_translated() {
        let add = || event("basket_add", json!({"product_id": "p", "quantity": 2}));
        let (mut other, mut bot) = (add(), add());
        other["api"] = "metrilo".into();
        bot["bot"] = true.into();
        let of_pages = ["order", "order_cancel", "order_return"].map(|kind| event(kind, json!({"order_id": "o"})));
        for event in of_pages.into_iter().chain([other, bot]) {
            assert_eq!(requests(&event), Vec::<Value>::new(), "{event}");
        }
    }

    #[test]
    fn order_without_visitor_names_no_user() {
        let mut event = headless("order_cancel", json!({"order_id": "o"}));
        event["visitor_id"] = Value::Null;
        event["session_id"] = Value::Null;
        event["page"] = json!({});
        assert_eq!(requests(&event), [json!({"request_id": "e", "scope": "order", "action": "cancel", "data": {"order_id": "o"}})]);
    }
}
