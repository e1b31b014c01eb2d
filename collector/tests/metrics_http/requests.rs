//! Requests as public clients send them, on a few records that a reader can add up, and their whole answers.

use serde_json::{Value, json};

use super::analyst::{ask, import};
use super::server::Running;

/// Each case: a title, an address, a body, and the `data` of the answer. Where a case has no year of its own it is given the records'.
#[test]
fn known_requests_are_answered_in_the_known_shape() {
    answer_all(include_str!("requests.json"));
}

/// The examples of `docs/metrics.md`.
#[test]
fn arrays_are_grouped_as_documented() {
    answer_all(include_str!("arrays.json"));
}

fn answer_all(cases: &str) {
    let cases: Value = serde_json::from_str(cases).unwrap();
    let server = Running::start();
    for resource in ["orders", "carts", "returns"] {
        let records = cases["records"][resource].as_array().unwrap();
        let answer = import(&server.client, resource, records);
        assert_eq!(answer, json!({"accepted": records.len(), "rejected": [], "ignored": 0}), "{resource}");
    }
    for case in cases["cases"].as_array().unwrap() {
        let answer = ask(&server.client, case["path"].as_str().unwrap(), &case["body"]);
        assert_eq!(answer["data"], case["data"], "{}", case["title"]);
        let kind = case["path"].as_str().unwrap().rsplit('/').next().unwrap();
        assert_eq!((&answer["meta"]["type"], &answer["meta"]["mode"]), (&json!(kind), &json!("live")));
        assert_eq!((&answer["meta"]["organization_id"], &answer["meta"]["market_ids"]), (&json!("t"), &json!([])));
        assert_eq!(answer["meta"]["pagination"].is_object(), kind == "search");
        assert!(answer["meta"].get("payload").is_none());
    }
}

#[test]
fn the_payload_is_shown_with_its_defaults() {
    let server = Running::start();
    let body = json!({
        "breakdown": {"by": "market.name", "field": "order.id", "operator": "value_count",
            "breakdown": {"by": "order.status", "field": "order.id", "operator": "value_count", "limit": 3}},
        "filter": {"order": {"date_from": "2022-11-01T00:00:00Z", "date_to": "2022-11-31T23:59:00Z"}},
        "meta": {"payload": true},
    });
    let expected = json!({
        "breakdown": {"by": "market.name", "field": "order.id", "operator": "value_count", "sort": "desc", "limit": 10,
            "breakdown": {"by": "order.status", "field": "order.id", "operator": "value_count", "sort": "desc", "limit": 3}},
        "filter": {"order": {"date_from": "2022-11-01T00:00:00Z", "date_to": "2022-11-30T23:59:00Z", "date_field": "current_date"}},
    });
    assert_eq!(ask(&server.client, "orders/breakdown", &body)["meta"]["payload"], expected);
    let body = json!({"search": {"fields": ["order.id"]}, "meta": {"payload": true}});
    let payload = ask(&server.client, "carts/search", &body)["meta"]["payload"].clone();
    assert_eq!(payload["search"], json!({"fields": ["order.id"], "limit": 50, "sort": "desc", "sort_by": "cart.current_date"}));
    let dates = &payload["filter"]["order"];
    assert!(dates["date_from"].as_str().unwrap().ends_with("T00:00:00Z") && dates["date_to"].as_str().unwrap().ends_with("T23:59:59Z"));
}

#[test]
fn pages_follow_each_other_while_records_come() {
    let server = Running::start();
    let order = |at: usize| json!({"id": format!("o{at}"), "status": "placed", "current_date": format!("2021-06-{at:02}T10:00:00Z")});
    import(&server.client, "orders", &(1..=5).map(order).collect::<Vec<_>>());
    let mut body = json!({"search": {"fields": ["order.id"], "limit": 2, "cursor": null},
        "filter": {"order": {"date_from": "2021-01-01T00:00:00Z", "date_to": "2021-12-31T23:59:59Z"}}});
    let mut seen = Vec::new();
    for (count, comes) in [(5, 20), (6, 21), (7, 22)] {
        let answer = ask(&server.client, "orders/search", &body);
        seen.extend(answer["data"].as_array().unwrap().iter().map(|order| order["id"].clone()));
        let pagination = &answer["meta"]["pagination"];
        assert_eq!(pagination["record_count"], count);
        body["search"]["cursor"] = pagination["cursor"].clone();
        import(&server.client, "orders", &[order(comes)]);
    }
    assert_eq!(body["search"]["cursor"], Value::Null);
    assert_eq!(json!(seen), json!(["o5", "o4", "o3", "o2", "o1"]));
}
