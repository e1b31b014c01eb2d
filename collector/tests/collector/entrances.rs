//! What no secret vouches for replaces nothing, at whichever entrance it arrives: each attempt is sent over a socket, and after each the owner
//! exports the same customer, order and returns.

use serde_json::{Value, json};
use tillroll_collector::clock::Clock;
use tillroll_collector::store::Options;
use tillroll_collector::vendors::records::ENDPOINTS;

use crate::backend::digest;
use crate::server::{Client, TestServer, id, read_json};

/// An attempt: its entrance, headers and body, and the response: the status, or the code of a rejection.
#[derive(Clone)]
struct Attempt {
    path: String,
    headers: &'static [(&'static str, &'static str)],
    body: String,
    expected: &'static str,
}

const CUSTOMER: &str = "jo@x.com";

fn attempt(path: &str, body: impl ToString, expected: &'static str) -> Attempt {
    Attempt { path: path.into(), headers: &[], body: body.to_string(), expected }
}

/// What a stranger claims about the customer and the order: the type of the event, its parameters as JSON and in the form of a call.
const LIES: &[(&str, &str, &str)] = &[
    ("identify", r#"{"email":"jo@x.com"}"#, "{:email\u{1f}$jo@x.com\u{1f}}"),
    ("customer_details", r#"{"first_name":"Mallory","subscribed":true}"#, "{:first_name\u{1f}$Mallory\u{1f}:subscribed\u{1f}y}"),
    ("order", r#"{"order_id":"1","total":1,"currency":"EUR"}"#, "{:order_id\u{1f}$1\u{1f}:total\u{1f}#1\u{1f}:currency\u{1f}$EUR\u{1f}}"),
    ("order_cancel", r#"{"order_id":"1"}"#, "{:order_id\u{1f}$1\u{1f}}"),
    ("order_return", r#"{"order_id":"1"}"#, "{:order_id\u{1f}$1\u{1f}}"),
];

fn calls_of_pages() -> Vec<Attempt> {
    let body = |number: usize, api: &str, kind: &str, params: &str| {
        let seed = format!("{number:02x}").repeat(21);
        let time = Clock::SYSTEM.millis();
        format!(
            "{{:token\u{1f}$t\u{1f}:visitor\u{1f}$5f2\u{1f}:session\u{1f}$\u{1f}:calls\u{1f}[{{:time\u{1f}#{time}\u{1f}:type\u{1f}${kind}\u{1f}:seed\u{1f}${seed}\u{1f}:api\u{1f}${api}\u{1f}:url\u{1f}$https://x/\u{1f}:params\u{1f}{params}}}]}}"
        )
    };
    let apis = ["metrilo", "ometria", "headless"];
    let lies = apis.iter().flat_map(|api| LIES.iter().map(move |lie| (*api, lie))).enumerate();
    let attempt = |(number, (api, (kind, _, params))): (usize, (&str, &(&str, &str, &str)))| {
        attempt("/v2/calls", body(number + 1, api, kind, params), if api == "headless" { "headless_from_page" } else { "200" })
    };
    lies.map(attempt).collect()
}

fn events_of_pages() -> Vec<Attempt> {
    let mut attempts = Vec::new();
    for api in ["metrilo", "ometria", "headless"] {
        for visitor in [json!({"visitorId": "5f2"}), json!({"visitorEmail": CUSTOMER})] {
            for (kind, params, _) in LIES.iter().filter(|(kind, ..)| *kind != "identify" || visitor.get("visitorId").is_some()) {
                let number = 1_000 + attempts.len() as u64;
                let params: Value = serde_json::from_str(params).unwrap();
                let mut event = json!({"id": id(number), "type": kind, "api": api, "time": Clock::SYSTEM.millis(), "params": params});
                event.as_object_mut().unwrap().extend(visitor.as_object().unwrap().clone());
                let expected = if api == "headless" { "headless_from_page" } else { "200" };
                attempts.push(attempt("/v2/batch", json!({"token": "t", "events": [event]}), expected));
            }
        }
    }
    attempts
}

fn other_entrances() -> Vec<Attempt> {
    let now = Clock::SYSTEM.millis();
    let envelope = |params: Value| json!({"token": "t", "time": now, "visitorId": "5f2", "params": params}).to_string();
    let customer = json!({"email": CUSTOMER, "createdAt": 1, "firstName": "Mallory", "subscribed": true});
    let order = json!({"id": "1", "createdAt": 1, "amount": 1, "status": "cancelled", "products": [], "email": "m@x.com"});
    let mut attempts = vec![
        attempt("/visitor/identify", envelope(json!({"email": CUSTOMER, "firstName": "Mallory"})), "200"),
        attempt("/customer", envelope(customer.clone()), "200"),
        attempt("/v2/customer", envelope(customer.clone()), "200"),
    ];
    for path in ENDPOINTS.iter().filter(|endpoint| endpoint.requires_digest).map(|endpoint| endpoint.path) {
        let params = if path.starts_with("/customer") { &customer } else { &order };
        let body = json!({"token": "t", "time": now, "params": params, "batch": [params]}).to_string();
        attempts.push(attempt(path, &body, "401"));
        attempts.push(Attempt { headers: &[("x-digest", "00")], ..attempt(&format!("/v2{path}"), &body, "403") });
    }
    for action in ["add", "cancel", "return"] {
        let body = json!({"scope": "order", "action": action, "user": {"uid": "5f2"}, "data": {"order_id": "1", "order_total": 1}});
        attempts.push(attempt("/api/track?token=t", &body, "401"));
        attempts.push(attempt("/api/track", &body, "401"));
    }
    for (list, line) in [("customers", &customer), ("orders", &order), ("returns", &order), ("carts", &order), ("events", &order)] {
        attempts.push(attempt(&format!("/import/{list}"), line, "401"));
    }
    attempts.push(attempt(&format!("/customers/{CUSTOMER}/tags"), json!({"tags": ["vip"]}), "401"));
    attempts
}

/// Sends an attempt, and returns the status or the code of the rejection.
fn send(client: &Client, attempt: &Attempt) -> String {
    let mut response = client.post_with(&attempt.path, attempt.headers, &attempt.body);
    let status = response.status().as_str().to_owned();
    let rejected = read_json(&mut response)["rejected"][0]["code"].as_str().map(str::to_owned);
    rejected.unwrap_or(status)
}

#[test]
fn what_the_back_end_signed_stays_at_every_entrance() {
    let server = TestServer::with_clock(&["--project", "t:secret"], Options::default(), Clock::SYSTEM);
    let signed = |path: &str, params: Value| {
        let body = json!({"token": "t", "time": Clock::SYSTEM.millis(), "params": params}).to_string();
        assert_eq!(server.client.post_with(path, &[("x-digest", &digest(&body, "secret"))], &body).status(), 200);
    };
    let created_at = 1_600_000_000_000_u64;
    signed("/customer", json!({"email": CUSTOMER, "createdAt": created_at, "firstName": "Jo", "subscribed": false}));
    signed(
        "/order",
        json!({"id": "1", "createdAt": created_at, "amount": 100, "status": "paid", "email": CUSTOMER, "products": [{"productId": "p", "quantity": 1}]}),
    );
    let list = |name: &str, fields: &[&str]| -> Vec<Value> {
        let records = server.client.list_of("t", "secret", name);
        records.iter().map(|record| fields.iter().map(|field| record[*field].clone()).collect()).collect()
    };
    let attempts = [calls_of_pages(), events_of_pages(), other_entrances()].concat();
    for attempt in attempts {
        assert_eq!(send(&server.client, &attempt), attempt.expected, "{} {}", attempt.path, attempt.body);
        let found = [
            list("customers", &["email", "createdAt", "firstName", "subscribed"]),
            list("orders", &["id", "amount", "status", "email", "source"]),
            list("returns", &["order_id"]),
        ];
        let expected = [vec![json!([CUSTOMER, created_at, "Jo", false])], vec![json!(["1", 100, "paid", CUSTOMER, "backend"])], Vec::new()];
        assert_eq!(found, expected, "{} {}", attempt.path, attempt.body);
    }
}
