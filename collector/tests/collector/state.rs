//! The exports of the current state: who may read them, how they are read in pieces, and what becomes of them while things are written.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use serde_json::{Value, json};
use tillroll_collector::store::Options;
use tillroll_protocol::limits;

use crate::backend::digest;
use crate::server::{Client, Running, basic, read_json};

const LISTS: [&str; 6] = ["customers", "categories", "products", "orders", "carts", "returns"];

fn tell(client: &Client, path: &str, time: u64, batch: &[Value]) -> Value {
    let body = json!({"time": time, "token": "t", "batch": batch}).to_string();
    let mut answer = client.post_with(path, &[("x-digest", &digest(&body, "s"))], &body);
    assert_eq!(answer.status(), 200);
    read_json(&mut answer)
}

fn customer(number: usize) -> Value {
    json!({"email": format!("{number:05}@x.com"), "createdAt": 1_600_000_000})
}

#[test]
fn only_the_owner_reads_and_each_project_is_blind_to_the_others() {
    let server = Running::with(&["--project", "t:s", "--project", "u:s"], Options::default());
    tell(&server.client, "/v2/customer/batch", 1_600_000_000_000, &[customer(1)]);
    for list in LISTS {
        for headers in [vec![], vec![("authorization", basic("t", "wrong"))]] {
            let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            assert_eq!(server.client.get(&format!("/export/{list}"), &headers).status(), 401, "{list}");
        }
        assert_eq!(server.client.list_of("u", "s", list), Vec::<Value>::new());
    }
    assert_eq!(server.client.list_of("t", "s", "customers").len(), 1);
}

#[test]
fn a_list_is_read_in_pieces_of_any_size() {
    let server = Running::start();
    let all: Vec<Value> = (0..1_234).map(customer).collect();
    tell(&server.client, "/v2/customer/batch", 1_600_000_000_000, &all);
    let whole = server.client.list_of("t", "s", "customers");
    let emails: Vec<&Value> = whole.iter().map(|customer| &customer["email"]).collect();
    assert_eq!(emails, all.iter().map(|customer| &customer["email"]).collect::<Vec<_>>());
    for limit in [7, 499, 500, 501, 1_233, 1_234, 5_000] {
        let mut pieces: Vec<Value> = Vec::new();
        while pieces.len() < 1_234 {
            let after = pieces.last().map_or("", |customer| customer["cursor"].as_str().unwrap()).to_owned();
            let piece = server.client.list_of("t", "s", &format!("customers?after={after}&limit={limit}"));
            assert!(!piece.is_empty() && piece.len() <= limit);
            pieces.extend(piece);
        }
        assert_eq!(pieces, whole, "{limit}");
    }
    let last = whole.last().unwrap()["cursor"].as_str().unwrap().to_owned();
    assert_eq!(server.client.list_of("t", "s", &format!("customers?after={last}")), Vec::<Value>::new());
}

#[test]
fn carts_and_returns_have_cursors_too() {
    let server = Running::start();
    for number in 0..5 {
        let user = json!({"uid": format!("u{number}")});
        let add = json!({"scope": "basket", "action": "add", "data": {"product_id": 1}, "user": user});
        let back = json!({"scope": "order", "action": "return", "data": {"order_id": number}});
        for body in [add, back] {
            let answer = server.client.post_with("/api/track", &[("authorization", &basic("t", "s"))], &body.to_string());
            assert_eq!(answer.status(), 200);
        }
    }
    for list in ["carts", "returns"] {
        let whole = server.client.list_of("t", "s", list);
        let after = whole[1]["cursor"].as_str().unwrap();
        assert_eq!((whole.len(), server.client.list_of("t", "s", &format!("{list}?after={after}&limit=2"))), (5, whole[2..4].to_vec()));
    }
}

#[test]
fn while_things_are_written_each_comes_once() {
    let server = Running::start();
    let all: Vec<Value> = (0..2_000).map(customer).collect();
    tell(&server.client, "/v2/customer/batch", 1_600_000_000_000, &all);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1.. {
                if done.load(Relaxed) {
                    break;
                }
                tell(&server.client, "/v2/customer/batch", 1_600_000_000_000 + round, &all[..50]);
            }
        });
        for _ in 0..5 {
            let found = server.client.list_of("t", "s", "customers");
            let emails: Vec<&Value> = found.iter().map(|customer| &customer["email"]).collect();
            assert_eq!(emails, all.iter().map(|customer| &customer["email"]).collect::<Vec<_>>());
        }
        done.store(true, Relaxed);
    });
}

#[test]
fn a_foreign_cursor_is_refused_by_name() {
    let server = Running::start();
    tell(&server.client, "/v2/customer/batch", 1_600_000_000_000, &[customer(1)]);
    let cursor = server.client.list_of("t", "s", "customers")[0]["cursor"].as_str().unwrap().to_owned();
    for query in [format!("orders?after={cursor}"), "customers?after=x".into(), "carts?after=c%".into()] {
        let mut answer = server.client.get(&format!("/export/{query}"), &[("authorization", &basic("t", "s"))]);
        assert_eq!((answer.status().as_u16(), &read_json(&mut answer)["error"]["field"]), (400, &json!("after")), "{query}");
    }
}

#[test]
fn a_back_ends_import_of_five_megabytes_is_taken_and_one_byte_more_is_not() {
    let server = Running::start();
    let line = |number: usize| format!("{{\"email\":\"{number:06}@x.com\",\"createdAt\":1600000000}},");
    let count = (limits::MAX_REQUEST_BYTES - 200) / line(0).len();
    let lines: String = (0..count).map(line).collect();
    let body = |pad: usize| {
        format!("{{\"time\":1600000000000,\"token\":\"t\",\"batch\":[{}],\"pad\":\"{}\"}}", lines.trim_end_matches(','), "x".repeat(pad))
    };
    let room = limits::MAX_REQUEST_BYTES - body(0).len();
    for (pad, status) in [(room + 1, 413), (room, 200)] {
        let body = body(pad);
        let mut answer = server.client.post_with("/v2/customer/batch", &[("x-digest", &digest(&body, "s"))], &body);
        assert_eq!(answer.status(), status);
        let read = read_json(&mut answer);
        assert!(status != 200 || read["accepted"] == json!(count), "{read}");
    }
    assert_eq!(server.client.list_of("t", "s", "customers").len(), count);
}

#[test]
fn pages_of_any_origin_may_call_and_back_ends_are_no_pages() {
    let server = Running::start();
    for path in ["/page/view", "/v1/checkout", "/v2/cart/add", "/api/track"] {
        let request = ureq::http::Request::options(server.client.url(path)).body(()).unwrap();
        let answer = ureq::run(request).unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers()["access-control-allow-origin"].to_str().unwrap()), (204, "*"), "{path}");
    }
    let answer = server.client.post("/v2/order", "{}");
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
    assert_eq!(server.client.get("/page/view", &[]).status(), 405);
}
