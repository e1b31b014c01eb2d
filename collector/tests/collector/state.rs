//! The exports of the current state: authorisation, paging, and consistency during writes.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use serde_json::{Value, json};
use tillroll_collector::store::Options;
use tillroll_protocol::limits;

use crate::backend::digest;
use crate::server::{Client, TestServer, basic, read_json};

const LISTS: [&str; 6] = ["customers", "categories", "products", "orders", "carts", "returns"];

fn apply(client: &Client, path: &str, time: u64, batch: &[Value]) -> Value {
    let body = json!({"time": time, "token": "t", "batch": batch}).to_string();
    let mut answer = client.post_with(path, &[("x-digest", &digest(&body, "secret"))], &body);
    assert_eq!(answer.status(), 200);
    read_json(&mut answer)
}

fn customer(number: usize) -> Value {
    json!({"email": format!("{number:05}@x.com"), "createdAt": 1_600_000_000})
}

#[test]
fn only_the_owner_reads_and_only_its_own_project() {
    let server = TestServer::with(&["--project", "t:secret", "--project", "u:secret"], Options::default());
    apply(&server.client, "/v2/customer/batch", 1_600_000_000_000, &[customer(1)]);
    for list in LISTS {
        for headers in [vec![], vec![("authorization", basic("t", "wrong"))]] {
            let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            assert_eq!(server.client.get(&format!("/export/{list}"), &headers).status(), 401, "{list}");
        }
        assert_eq!(server.client.list_of("u", "secret", list), Vec::<Value>::new());
    }
    assert_eq!(server.client.list_of("t", "secret", "customers").len(), 1);
}

#[test]
fn a_list_is_read_in_pages_of_any_size() {
    let server = TestServer::start();
    let all: Vec<Value> = (0..1_234).map(customer).collect();
    apply(&server.client, "/v2/customer/batch", 1_600_000_000_000, &all);
    let whole = server.client.list_of("t", "secret", "customers");
    let emails: Vec<&Value> = whole.iter().map(|customer| &customer["email"]).collect();
    assert_eq!(emails, all.iter().map(|customer| &customer["email"]).collect::<Vec<_>>());
    for limit in [7, 499, 500, 501, 1_233, 1_234, 5_000] {
        let mut pages: Vec<Value> = Vec::new();
        while pages.len() < 1_234 {
            let after = pages.last().map_or("", |customer| customer["cursor"].as_str().unwrap()).to_owned();
            let page = server.client.list_of("t", "secret", &format!("customers?after={after}&limit={limit}"));
            assert!(!page.is_empty() && page.len() <= limit);
            pages.extend(page);
        }
        assert_eq!(pages, whole, "{limit}");
    }
    let last = whole.last().unwrap()["cursor"].as_str().unwrap().to_owned();
    assert_eq!(server.client.list_of("t", "secret", &format!("customers?after={last}")), Vec::<Value>::new());
}

#[test]
fn carts_and_returns_have_cursors_too() {
    let server = TestServer::start();
    for number in 0..5 {
        let user = json!({"uid": format!("u{number}")});
        let add = json!({"scope": "basket", "action": "add", "data": {"product_id": 1}, "user": user});
        let back = json!({"scope": "order", "action": "return", "data": {"order_id": number}});
        for body in [add, back] {
            let answer = server.client.post_with("/api/track", &[("authorization", &basic("t", "secret"))], &body.to_string());
            assert_eq!(answer.status(), 200);
        }
    }
    for list in ["carts", "returns"] {
        let whole = server.client.list_of("t", "secret", list);
        let after = whole[1]["cursor"].as_str().unwrap();
        assert_eq!(
            (whole.len(), server.client.list_of("t", "secret", &format!("{list}?after={after}&limit=2"))),
            (5, whole[2..4].to_vec())
        );
    }
}

#[test]
fn an_export_during_writes_contains_each_item_once() {
    let server = TestServer::start();
    let all: Vec<Value> = (0..2_000).map(customer).collect();
    apply(&server.client, "/v2/customer/batch", 1_600_000_000_000, &all);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1.. {
                if done.load(Relaxed) {
                    break;
                }
                apply(&server.client, "/v2/customer/batch", 1_600_000_000_000 + round, &all[..50]);
            }
        });
        for _ in 0..5 {
            let found = server.client.list_of("t", "secret", "customers");
            let emails: Vec<&Value> = found.iter().map(|customer| &customer["email"]).collect();
            assert_eq!(emails, all.iter().map(|customer| &customer["email"]).collect::<Vec<_>>());
        }
        done.store(true, Relaxed);
    });
}

#[test]
fn a_cursor_of_another_list_is_rejected_with_its_field() {
    let server = TestServer::start();
    apply(&server.client, "/v2/customer/batch", 1_600_000_000_000, &[customer(1)]);
    let cursor = server.client.list_of("t", "secret", "customers")[0]["cursor"].as_str().unwrap().to_owned();
    for query in [format!("orders?after={cursor}"), "customers?after=x".into(), "carts?after=c%".into()] {
        let mut answer = server.client.get(&format!("/export/{query}"), &[("authorization", &basic("t", "secret"))]);
        assert_eq!((answer.status().as_u16(), &read_json(&mut answer)["error"]["field"]), (400, &json!("after")), "{query}");
    }
}

#[test]
fn a_request_of_the_maximum_size_is_accepted_and_one_byte_more_is_not() {
    let server = TestServer::start();
    let line = |number: usize| format!("{{\"email\":\"{number:06}@x.com\",\"createdAt\":1600000000}},");
    let count = (limits::MAX_REQUEST_BYTES - 200) / line(0).len();
    let lines: String = (0..count).map(line).collect();
    let body = |pad: usize| {
        format!("{{\"time\":1600000000000,\"token\":\"t\",\"batch\":[{}],\"pad\":\"{}\"}}", lines.trim_end_matches(','), "x".repeat(pad))
    };
    let room = limits::MAX_REQUEST_BYTES - body(0).len();
    for (pad, status) in [(room + 1, 413), (room, 200)] {
        let body = body(pad);
        let mut answer = server.client.post_with("/v2/customer/batch", &[("x-digest", &digest(&body, "secret"))], &body);
        assert_eq!(answer.status(), status);
        let read = read_json(&mut answer);
        assert!(status != 200 || read["accepted"] == json!(count), "{read}");
    }
    assert_eq!(server.client.list_of("t", "secret", "customers").len(), count);
}

#[test]
fn page_endpoints_allow_any_origin_and_backend_endpoints_allow_none() {
    let server = TestServer::start();
    for path in ["/page/view", "/v1/checkout", "/v2/cart/add", "/api/track"] {
        let request = ureq::http::Request::options(server.client.url(path)).body(()).unwrap();
        let answer = ureq::run(request).unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers()["access-control-allow-origin"].to_str().unwrap()), (204, "*"), "{path}");
    }
    let answer = server.client.post("/v2/order", "{}");
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
    assert_eq!(server.client.get("/page/view", &[]).status(), 405);
}
