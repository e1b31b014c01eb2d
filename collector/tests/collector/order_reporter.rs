//! Whose report of an order counts, which may change when a visitor identifies later, and when the order was placed.

use serde_json::{Value, json};
use tillroll_collector::clock::Clock;
use tillroll_collector::store::Options;

use crate::server::{TestServer, basic, id};

const NOON: u64 = 1_600_000_000_000;
const MINUTE: u64 = 60_000;

/// Returns the path and the body of each request, without the token, in the order of their times.
fn requests() -> Vec<(&'static str, Value)> {
    let event = |id: u8, minute: u64, kind: &str, visitor: (&str, &str), params: Value| {
        let id = format!("01890a5d-0000-7000-8000-{id:012x}");
        let mut event = json!({"id": id, "type": kind, "api": "ometria", "time": NOON + minute * MINUTE, "params": params});
        event[visitor.0] = json!(visitor.1);
        ("/v2/batch", json!({"events": [event]}))
    };
    let line = json!({"product_id": "p", "quantity": 1, "price": 3});
    let browser = ("visitorId", "browser");
    let order = json!({"id": "o", "createdAt": NOON + 60 * MINUTE, "email": "jo@x.com", "amount": 3, "status": "paid",
        "products": [{"productId": "p", "quantity": 1}]});
    vec![
        event(1, 0, "order", browser, json!({"order_id": "o", "total": 3, "lines": [line]})),
        event(2, 30, "basket_update", ("visitorEmail", "jo@x.com"), json!({"total": 3, "lines": [line], "changes": []})),
        ("/v2/order", json!({"time": NOON + 60 * MINUTE, "params": order})),
        event(3, 90, "identify", browser, json!({"email": "ann@x.com"})),
    ]
}

fn send(server: &TestServer, token: &str, (path, body): &(&'static str, Value)) {
    let mut body = body.clone();
    body["token"] = json!(token);
    let body = body.to_string();
    let digest = crate::backend::digest(&body, "secret");
    let headers = if *path == "/v2/batch" { vec![] } else { vec![("x-digest", digest.as_str())] };
    assert_eq!(server.client.post_with(path, &headers, &body).status(), 200);
}

/// The report of Jo's order by another browser counts until that browser turns out to be Ann's. Then the order has the time of the back end, which
/// is after the basket.
#[test]
fn late_identify_of_another_person_ends_the_customers_cart_in_any_order_of_arrival() {
    let server = TestServer::with(&["--project", "one:secret,other:secret"], Options::default());
    requests().iter().for_each(|request| send(&server, "one", request));
    requests().iter().rev().for_each(|request| send(&server, "other", request));
    for token in ["one", "other"] {
        assert_eq!(server.client.list_of(token, "secret", "carts"), [] as [Value; 0], "{token}");
        assert_eq!(server.client.list_of(token, "secret", "orders").len(), 1, "{token}");
    }
}

#[test]
fn order_that_a_server_reports_without_a_person_was_placed_at_its_first_report() {
    let server = TestServer::start();
    let authorization = basic("t", "secret");
    let report = json!({"scope": "order", "action": "add", "data": {"order_id": "o", "order_total": 3}}).to_string();
    let order = || server.client.list_of("t", "secret", "orders").remove(0);
    let send_report = || assert_eq!(server.client.post_with("/api/track", &[("authorization", &authorization)], &report).status(), 200);
    send_report();
    let first = order()["createdAt"].clone();
    assert_eq!(Some(&first), server.client.export("").first().map(|event| &event["time"]));
    send_report();
    assert_eq!(order()["createdAt"], first);
    let page =
        json!({"id": id(7), "type": "order", "api": "ometria", "time": NOON, "visitorEmail": "jo@x.com", "params": {"order_id": "o"}});
    server.client.store(&[page]);
    let from_back_end = json!({"time": NOON, "params": {"id": "o", "createdAt": NOON, "amount": 3, "status": "paid", "products": []}});
    send(&server, "t", &("/v2/order", from_back_end));
    assert_eq!(order()["createdAt"], NOON);
    send_report();
    assert_eq!(order()["createdAt"], NOON);
}
/// What the collector receives about a visitor, in this order: an e-mail whose link is this many minutes old, or an order or a return of the
/// owner.
#[derive(Clone, Copy)]
enum Received {
    Identify(&'static str, u64),
    Order,
    Return,
}
use Received::{Identify, Order, Return};

#[test]
fn what_the_owner_sent_for_a_visitor_stays_with_the_identity_of_its_receipt() {
    let server = TestServer::start_today();
    let now = Clock::SYSTEM.millis();
    let (real, thief) = (Identify("real@x.com", 15), "thief@x.com");
    let cases: &[(&str, &[Received], Option<&str>)] = &[
        ("a later link", &[real, Order, Return, Identify(thief, 8)], Some("real@x.com")),
        ("a later link that claims an earlier time", &[real, Order, Return, Identify(thief, 20)], Some("real@x.com")),
        ("no link before", &[Order, Return, real, Identify(thief, 20), Identify(thief, 5)], Some("real@x.com")),
        ("two links before", &[Identify(thief, 1), real, Order, Return], Some("real@x.com")),
        ("a repeated order", &[real, Order, Return, Identify(thief, 8), Order], Some("real@x.com")),
        ("no link", &[Order, Return], None),
    ];
    let authorization = basic("t", "secret");
    let owner = [("authorization", authorization.as_str())];
    let emails = |list: &str, order: &str| -> Vec<Value> {
        let email = |record: &Value| if list == "orders" { record["email"].clone() } else { record["customer"]["email"].clone() };
        let is_of = |record: &&Value| record[if list == "orders" { "id" } else { "order_id" }] == order;
        server.client.list_of("t", "secret", list).iter().filter(is_of).map(email).collect()
    };
    for (at, (title, steps, expected)) in cases.iter().enumerate() {
        let (visitor, order) = (format!("customer-{at}"), format!("order-{at}"));
        let track = |action: &str| {
            let data = json!({"order_id": order, "order_total": 3});
            let body = json!({"scope": "order", "action": action, "user": {"uid": visitor}, "data": data}).to_string();
            assert_eq!(server.client.post_with("/api/track", &owner, &body).status(), 200);
        };
        for (number, step) in steps.iter().enumerate() {
            match step {
                Identify(email, minutes) => {
                    let time = now - minutes * MINUTE;
                    let id = id((100 * at + number) as u64);
                    let params = json!({"email": email});
                    server.client.store(&[
                        json!({"id": id, "type": "identify", "api": "ometria", "time": time, "visitorId": visitor, "params": params}),
                    ]);
                }
                Order => track("add"),
                Return => track("return"),
            }
        }
        for list in ["orders", "returns"] {
            assert_eq!(emails(list, &order), [json!(expected)], "{title}: {list}");
        }
    }
    // The erasure of another e-mail of the visitor changes nothing.
    for (email, expected) in [(thief, json!("real@x.com")), ("real@x.com", json!(null))] {
        assert_eq!(server.client.delete(&format!("/customers/{email}"), &owner).status(), 200);
        assert_eq!(["orders", "returns"].map(|list| emails(list, "order-0")), [vec![expected.clone()], vec![expected]], "{email}");
    }
}
