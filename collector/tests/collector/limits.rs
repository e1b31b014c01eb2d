//! Sizes and counts: each limit is taken, one more is refused by name.

use serde_json::{Value, json};
use tillroll_protocol::limits;

use crate::backend::digest;
use crate::server::{Running, basic, read_json, view};

fn post(server: &Running, body: &str) -> (u16, Value) {
    let mut answer = server.client.post("/v2/batch", body);
    (answer.status().as_u16(), read_json(&mut answer))
}

#[test]
fn five_hundred_events_are_taken_and_one_more_is_not() {
    let server = Running::start();
    let events: Vec<Value> = (0..501).map(|number| view(number, 1, "ab")).collect();
    let (status, answer) = post(&server, &json!({"token": "t", "events": events}).to_string());
    assert_eq!((status, &answer["error"]["code"], &answer["error"]["limit"]), (413, &json!("too_many_events"), &json!(500)));
    assert_eq!(server.client.store(&events[..500]), (500, 0));
}

#[test]
fn five_megabytes_are_taken_and_one_byte_more_is_not() {
    let server = Running::start();
    let body = |length: usize| {
        let empty = r#"{"token":"t","events":[],"pad":""}"#;
        empty.replace(r#""pad":""#, &format!(r#""pad":"{}"#, "x".repeat(length - empty.len())))
    };
    assert_eq!(post(&server, &body(limits::MAX_REQUEST_BYTES)).0, 200);
    for length in [limits::MAX_REQUEST_BYTES + 1, 3 * limits::MAX_REQUEST_BYTES] {
        let (status, answer) = post(&server, &body(length));
        assert_eq!((status, &answer["error"]["code"]), (413, &json!("body_too_large")));
        assert_eq!(answer["error"]["limit"], json!(limits::MAX_REQUEST_BYTES));
    }
}

#[test]
fn long_strings_and_large_events_are_refused_by_name() {
    let server = Running::start();
    let text = |length: usize| "x".repeat(length);
    let custom = |data: Value| {
        let mut event = view(1, 1, "ab");
        event["type"] = json!("custom");
        event["params"] = json!({"name": "n", "data": data});
        event
    };
    let refused = |event: &Value| read_json(&mut server.client.send(std::slice::from_ref(event)))["rejected"][0].clone();
    let long = refused(&custom(json!({"a": [1, {"b": text(limits::MAX_STRING_BYTES + 1)}]})));
    assert_eq!(long["code"], "string_too_long");
    assert_eq!(long["message"], "`params.data.a[1].b` is 8193 bytes long, the limit is 8192");
    let large = refused(&custom(json!(vec![text(8000); 9])));
    assert_eq!(large["code"], "event_too_large");
    let deep = (0..40).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(refused(&custom(deep))["code"], "too_deep");
    assert_eq!(server.client.store(&[custom(json!([text(limits::MAX_STRING_BYTES)]))]), (1, 0));
}

#[test]
fn the_limits_hold_at_every_door_that_takes_events_and_records() {
    let server = Running::start();
    let long = "x".repeat(limits::MAX_STRING_BYTES + 1);
    let fitting = "x".repeat(limits::MAX_STRING_BYTES);
    let ask = |path: &str, body: &Value| {
        let body = body.to_string();
        let (key, digest) = (basic("t", "s"), digest(&body, "s"));
        let mut answer = server.client.post_with(path, &[("authorization", &key), ("x-digest", &digest)], &body);
        (answer.status().as_u16(), read_json(&mut answer)["error"].clone())
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
        ("/v2/customer/tag", "params.tags", call(json!({"email": "a@x.com", "tags": [long]}))),
    ] {
        let (status, error) = ask(path, &body);
        let found = (status, error["code"].as_str(), error["field"].as_str(), error["limit"].as_u64());
        assert_eq!(found, (400, Some("string_too_long"), Some(field), Some(limits::MAX_STRING_BYTES as u64)), "{path}");
    }
    let many = vec![&fitting; 9];
    for (path, body) in [("/page/view", call(json!({"url": "https://x/", "more": many}))), ("/api/track", view(json!(many)))] {
        let (status, error) = ask(path, &body);
        assert_eq!((status, &error["code"], &error["limit"]), (413, &json!("event_too_large"), &json!(limits::MAX_EVENT_BYTES)), "{path}");
    }
    let huge = "x".repeat(limits::MAX_REQUEST_BYTES + 1);
    for path in
        ["/v2/batch", "/v2/calls", "/page/view", "/api/track", "/v2/order", "/tracking/t/activity", "/import/orders", "/oauth/token"]
    {
        let mut answer = server.client.post_with(path, &[("authorization", &basic("t", "s"))], &huge);
        let (status, error) = (answer.status().as_u16(), read_json(&mut answer)["error"].clone());
        assert_eq!((status, &error["code"], &error["limit"]), (413, &json!("body_too_large"), &json!(limits::MAX_REQUEST_BYTES)), "{path}");
    }
    assert_eq!(ask("/v2/category", &call(json!({"id": "1", "name": fitting}))).0, 200);
    assert!(server.client.export("").is_empty());
}

#[test]
fn another_method_is_named_as_such() {
    let server = Running::start();
    let posted = ["/v2/batch", "/v2/calls", "/page/view", "/v1/cart/add", "/v2/checkout", "/api/track", "/order", "/v2/order/batch"];
    let owned = ["/tracking/t/activity", "/import/orders", "/oauth/token", "/reports/token"];
    let read = ["/tracking.js", "/j/t.js", "/assets/x", "/healthz", "/readyz", "/metrics", "/live", "/live/events", "/reports"];
    let exported = ["/export/events", "/export/customers", "/export/carts", "/export/returns"];
    let put = posted.iter().chain(&owned).chain(&read).chain(&exported);
    for path in put {
        let request = ureq::http::Request::delete(server.client.url(path)).body(()).unwrap();
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut answer = agent.run(request).unwrap();
        assert_eq!(answer.status(), 405, "{path}");
        assert!(answer.headers().contains_key("allow"), "{path}");
        assert_eq!(read_json(&mut answer)["error"]["code"], "method_not_allowed", "{path}");
    }
    let mut answer = server.client.get("/nowhere", &[]);
    assert_eq!((answer.status().as_u16(), &read_json(&mut answer)["error"]["code"]), (404, &json!("not_found")));
}

#[test]
fn an_address_whose_escapes_are_no_text_is_refused_as_one() {
    let server = Running::start();
    let owner = [("authorization", &*basic("t", "s"))];
    let request = ureq::http::Request::delete(server.client.url("/customers/%ff@x.com")).header(owner[0].0, owner[0].1);
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut erased = agent.run(request.body(()).unwrap()).unwrap();
    assert_eq!((erased.status().as_u16(), &read_json(&mut erased)["error"]["field"]), (400, &json!("email")));
    for (path, status, code) in [("/import/%ff", 404, "not_found"), ("/tracking/%ff/activity", 401, "unknown_token")] {
        let mut answer = server.client.post_with(path, &owner, "{}");
        assert_eq!((answer.status().as_u16(), &read_json(&mut answer)["error"]["code"]), (status, &json!(code)), "{path}");
    }
}

#[test]
fn a_preflight_is_answered_kindly() {
    let server = Running::start();
    let request = ureq::http::Request::options(server.client.url("/v2/batch")).body(()).unwrap();
    let answer = ureq::run(request).unwrap();
    assert_eq!(answer.status(), 204);
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    assert!(answer.headers()["access-control-allow-methods"].to_str().unwrap().contains("POST"));
}
