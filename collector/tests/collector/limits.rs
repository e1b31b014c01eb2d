//! Sizes and counts: each limit is taken, one more is refused by name.

use serde_json::{Value, json};
use tillroll_protocol::limits;

use crate::server::{Running, read_json, view};

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
    assert_eq!(post(&server, &body(limits::REQUEST_BYTES)).0, 200);
    for length in [limits::REQUEST_BYTES + 1, 3 * limits::REQUEST_BYTES] {
        let (status, answer) = post(&server, &body(length));
        assert_eq!((status, &answer["error"]["code"]), (413, &json!("body_too_large")));
        assert_eq!(answer["error"]["limit"], json!(limits::REQUEST_BYTES));
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
    let long = refused(&custom(json!({"a": [1, {"b": text(limits::STRING_BYTES + 1)}]})));
    assert_eq!(long["code"], "string_too_long");
    assert_eq!(long["message"], "`params.data.a[1].b` is 8193 bytes long, the limit is 8192");
    let large = refused(&custom(json!(vec![text(8000); 9])));
    assert_eq!(large["code"], "event_too_large");
    let deep = (0..40).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(refused(&custom(deep))["code"], "too_deep");
    assert_eq!(server.client.store(&[custom(json!([text(limits::STRING_BYTES)]))]), (1, 0));
}

#[test]
fn another_method_is_named_as_such() {
    let server = Running::start();
    for path in ["/v2/batch", "/assets/x", "/healthz"] {
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
fn a_preflight_is_answered_kindly() {
    let server = Running::start();
    let request = ureq::http::Request::options(server.client.url("/v2/batch")).body(()).unwrap();
    let answer = ureq::run(request).unwrap();
    assert_eq!(answer.status(), 204);
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    assert!(answer.headers()["access-control-allow-methods"].to_str().unwrap().contains("POST"));
}
