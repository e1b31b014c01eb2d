//! From a stored event back to requests of the headless API, for a shop that stays with Ometria while it uses this tracker; pure.
//!
//! It is lossy, as the API knows views, baskets and orders only. Other vendors' words are not told: a shop that says the same thing in two
//! languages would be counted twice.

use serde_json::{Map, Value, json};

use crate::vendors::ometria::{LINE, ORDER};

/// Whose words are told.
const APIS: [&str; 2] = ["ometria", "headless"];

/// Returns the requests that tell of an exported event, in order; none where the API has no word for it. Each carries a `request_id` made
/// of the event's id, so that whoever hears it twice can tell.
pub fn requests(event: &Value) -> Vec<Value> {
    let text = |name: &str| event[name].as_str().unwrap_or_default();
    if !APIS.contains(&text("api")) {
        return Vec::new();
    }
    let params = &event["params"];
    let said: Vec<(&str, Option<&str>, Value)> = match text("type") {
        "page_view" | "product_view" => vec![("view", None, viewed(params))],
        "basket_add" => vec![("basket", Some("add"), line(&params["product_id"], &params["quantity"]))],
        "basket_remove" => vec![("basket", Some("remove"), line(&params["product_id"], &params["quantity"]))],
        "basket_update" => elements(&params["changes"]).iter().filter_map(changed).collect(),
        "order" => vec![("order", Some("add"), order(event))],
        "order_cancel" => vec![("order", Some("cancel"), order(event))],
        "order_return" => vec![("order", Some("return"), order(event))],
        _ => Vec::new(),
    };
    let alone = said.len() == 1;
    let named = |(at, (scope, action, data)): (usize, (&str, Option<&str>, Value))| {
        let id = text("id");
        let request_id = if alone { id.to_owned() } else { format!("{id}-{at}") };
        let mut request = json!({"request_id": request_id, "scope": scope, "data": data});
        let optional = [("action", action.map(Value::from)), ("user", user(event)), ("context", context(event))];
        for (name, value) in optional {
            if let Some(value) = value {
                request[name] = value;
            }
        }
        request
    };
    said.into_iter().enumerate().map(named).collect()
}

fn viewed(params: &Value) -> Value {
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

fn changed(change: &Value) -> Option<(&'static str, Option<&'static str>, Value)> {
    let difference = change["to"].as_f64()? - change["from"].as_f64()?;
    let action = if difference > 0.0 { "add" } else { "remove" };
    (difference != 0.0).then(|| ("basket", Some(action), line(&change["product_id"], &plain(difference.abs()))))
}

/// Whole quantities are written without a point.
fn plain(number: f64) -> Value {
    if number.fract() == 0.0 { json!(number as u64) } else { json!(number) }
}

fn order(event: &Value) -> Value {
    let mut data = renamed(&event["params"], ORDER);
    if let Some(Value::Array(lines)) = data.get_mut("order_lines") {
        for line in lines {
            *line = Value::Object(renamed(line, LINE));
        }
    }
    if let Some(person) = who(event) {
        data.insert("user_id".into(), person.clone());
    }
    Value::Object(data)
}

/// Returns what is there, under the API's names.
fn renamed(object: &Value, names: &[(&str, &str)]) -> Map<String, Value> {
    let member = |(ours, theirs): &(&str, &str)| Some(((*theirs).to_owned(), object.get(ours)?.clone()));
    names.iter().filter_map(member).collect()
}

fn who(event: &Value) -> Option<&Value> {
    [&event["visitor_id"], &event["email"]].into_iter().find(|name| name.as_str().is_some_and(|name| !name.is_empty()))
}

fn user(event: &Value) -> Option<Value> {
    let mut user = json!({"uid": who(event)?});
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

    #[test]
    fn each_event_becomes_what_the_api_has_a_word_for() {
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
                event(
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
        for (event, wanted) in cases {
            assert_eq!(Value::Array(requests(&event)), wanted, "{event}");
        }
    }

    #[test]
    fn other_vendors_words_are_not_told() {
        let mut event = event("basket_add", json!({"product_id": "p", "quantity": 2}));
        event["api"] = "metrilo".into();
        assert_eq!(requests(&event), Vec::<Value>::new());
    }

    #[test]
    fn an_order_of_nobody_names_nobody() {
        let mut event = event("order_cancel", json!({"order_id": "o"}));
        event["api"] = "headless".into();
        event["visitor_id"] = Value::Null;
        event["session_id"] = Value::Null;
        event["page"] = json!({});
        assert_eq!(requests(&event), [json!({"request_id": "e", "scope": "order", "action": "cancel", "data": {"order_id": "o"}})]);
    }
}
