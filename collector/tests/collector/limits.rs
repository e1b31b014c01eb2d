//! Limits of sizes and counts: a request at the limit is accepted, a request above it is rejected with the limit's error code.

use serde_json::{Value, json};
use tillroll_collector::store::{PageLimits, Position};
use tillroll_protocol::limits;

use crate::backend::digest;
use crate::server::{TestServer, basic, read_json, view};

fn post(server: &TestServer, body: &str) -> (u16, Value) {
    let mut response = server.client.post("/v2/batch", body);
    (response.status().as_u16(), read_json(&mut response))
}

#[test]
fn batch_of_500_events_is_accepted_and_of_501_is_rejected() {
    let server = TestServer::start();
    let events: Vec<Value> = (0..501).map(|number| view(number, 1, "ab")).collect();
    let (status, response) = post(&server, &json!({"token": "t", "events": events}).to_string());
    assert_eq!((status, &response["error"]["code"], &response["error"]["limit"]), (413, &json!("too_many_events"), &json!(500)));
    assert_eq!(server.client.store(&events[..500]), (500, 0));
}

#[test]
fn body_of_the_maximum_size_is_accepted_and_one_byte_more_is_rejected() {
    let server = TestServer::start();
    let body = |length: usize| {
        let empty = r#"{"token":"t","events":[],"pad":""}"#;
        empty.replace(r#""pad":""#, &format!(r#""pad":"{}"#, "x".repeat(length - empty.len())))
    };
    assert_eq!(post(&server, &body(limits::MAX_REQUEST_BYTES)).0, 200);
    for length in [limits::MAX_REQUEST_BYTES + 1, 3 * limits::MAX_REQUEST_BYTES] {
        let (status, response) = post(&server, &body(length));
        assert_eq!((status, &response["error"]["code"]), (413, &json!("body_too_large")));
        assert_eq!(response["error"]["limit"], json!(limits::MAX_REQUEST_BYTES));
    }
}

#[test]
fn long_string_large_event_and_deep_nesting_are_rejected() {
    let server = TestServer::start();
    let text = |length: usize| "x".repeat(length);
    let custom = |data: Value| {
        let mut event = view(1, 1, "ab");
        event["type"] = json!("custom");
        event["params"] = json!({"name": "n", "data": data});
        event
    };
    let rejection = |event: &Value| read_json(&mut server.client.send(std::slice::from_ref(event)))["rejected"][0].clone();
    let long = rejection(&custom(json!({"a": [1, {"b": text(limits::MAX_STRING_BYTES + 1)}]})));
    assert_eq!(long["code"], "string_too_long");
    assert_eq!(long["message"], "`params.data.a[1].b` is 8193 bytes long, the limit is 8192");
    let large = rejection(&custom(json!(vec![text(8000); 9])));
    assert_eq!(large["code"], "event_too_large");
    let deep = (0..40).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(rejection(&custom(deep))["code"], "too_deep");
    assert_eq!(server.client.store(&[custom(json!([text(limits::MAX_STRING_BYTES)]))]), (1, 0));
}

#[test]
fn limits_apply_to_every_route_that_accepts_events_or_records() {
    let server = TestServer::start();
    let long = "x".repeat(limits::MAX_STRING_BYTES + 1);
    let longest = "x".repeat(limits::MAX_STRING_BYTES);
    let post_signed = |path: &str, body: &Value| {
        let body = body.to_string();
        let (key, digest) = (basic("t", "secret"), digest(&body, "secret"));
        let mut response = server.client.post_with(path, &[("authorization", &key), ("x-digest", &digest)], &body);
        (response.status().as_u16(), read_json(&mut response)["error"].clone())
    };
    let call = |params: Value| json!({"token": "t", "time": 1, "visitorId": "ab", "params": params});
    let view = |data: Value| json!({"scope": "view", "user": {"uid": "u"}, "data": data});
    for (path, field, body) in [
        ("/page/view", "params.name", call(json!({"url": "https://x/", "name": long}))),
        ("/custom", "params.name", call(json!({"name": long}))),
        ("/api/track", "data.a", view(json!({"a": long}))),
        ("/v2/category", "params.name", call(json!({"id": "1", "name": long}))),
        ("/v2/product", "params.options[0].sku", call(json!({"id": "1", "name": "a", "options": [{"id": "1", "name": "a", "sku": long}]}))),
        (
            "/v2/order",
            "params.billing.city",
            call(json!({"id": "1", "createdAt": 1, "amount": 1, "status": "x", "products": [], "billing": {"city": long}})),
        ),
        ("/v2/product", "params.categories", call(json!({"id": "1", "name": "a", "price": 1, "categories": ["a", long]}))),
        (
            "/v2/order",
            "params.coupons",
            call(json!({"id": "1", "createdAt": 1, "amount": 1, "status": "x", "products": [], "coupons": [long]})),
        ),
        ("/v2/customer/tag", "params.tags", call(json!({"email": "a@x.com", "tags": [long]}))),
    ] {
        let (status, error) = post_signed(path, &body);
        let result = (status, error["code"].as_str(), error["field"].as_str(), error["limit"].as_u64());
        assert_eq!(result, (400, Some("string_too_long"), Some(field), Some(limits::MAX_STRING_BYTES as u64)), "{path}");
    }
    let large = vec![&longest; 9];
    for (path, body) in [("/page/view", call(json!({"url": "https://x/", "more": large}))), ("/api/track", view(json!(large)))] {
        let (status, error) = post_signed(path, &body);
        assert_eq!((status, &error["code"], &error["limit"]), (413, &json!("event_too_large"), &json!(limits::MAX_EVENT_BYTES)), "{path}");
    }
    let huge = "x".repeat(limits::MAX_REQUEST_BYTES + 1);
    for path in
        ["/v2/batch", "/v2/calls", "/page/view", "/api/track", "/v2/order", "/tracking/t/activity", "/import/orders", "/oauth/token"]
    {
        let mut response = server.client.post_with(path, &[("authorization", &basic("t", "secret"))], &huge);
        let (status, error) = (response.status().as_u16(), read_json(&mut response)["error"].clone());
        assert_eq!((status, &error["code"], &error["limit"]), (413, &json!("body_too_large"), &json!(limits::MAX_REQUEST_BYTES)), "{path}");
    }
    assert_eq!(post_signed("/v2/category", &call(json!({"id": "1", "name": longest}))).0, 200);
    assert!(server.client.export("").is_empty());
}

#[test]
fn page_of_changes_has_fewer_events_if_these_are_long() {
    let server = TestServer::start();
    let long = |number: u64| {
        let mut event = view(number, 1, "ab");
        event["type"] = json!("custom");
        event["params"] = json!({"name": "n", "data": vec!["x".repeat(limits::MAX_STRING_BYTES); 7]});
        event
    };
    let count = 700_u64;
    for first in (0..count).step_by(70) {
        assert_eq!(server.client.store(&(first..first + 70).map(long).collect::<Vec<_>>()), (70, 0));
    }
    let (mut feed, head) = (server.collector.store.change_feed(), *server.collector.store.position().borrow());
    let limits = PageLimits { records: 20_000, events: 60_000 };
    let first = feed.changes(Position::default(), head, limits).unwrap();
    let rest = feed.changes(first.complete, head, limits).unwrap();
    let events = [&first, &rest].map(|page| page.tracked.events.len() as u64);
    assert!((500..700).contains(&events[0]), "{events:?}");
    assert_eq!((events.iter().sum::<u64>(), rest.complete), (count, head), "{events:?}");
}
