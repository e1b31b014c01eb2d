//! Bots: the collector stores and marks their events, and derives no carts from them.

use serde_json::{Value, json};

use crate::server::{TestServer, basic, id};

const GOOGLE: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
const PERSON: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0";

fn event(number: u64, kind: &str, visitor: &str, params: &Value) -> Value {
    json!({"id": id(number), "type": kind, "api": "ometria", "time": 1_600_000_000_000_u64 + number, "visitorId": visitor, "params": params})
}

#[test]
fn events_of_bots_are_marked_and_counted_and_make_orders_but_no_carts() {
    let server = TestServer::start();
    let send = |agent: &str, path: &str, body: &Value| {
        let answer = server.client.post_with(path, &[("user-agent", agent)], &body.to_string());
        assert_eq!(answer.status(), 200, "{path}");
    };
    let add = json!({"product_id": "1", "quantity": 1});
    let batch = |first: u64, visitor: &str| {
        json!({"token": "t", "events": [
            event(first, "basket_add", visitor, &add), event(first + 1, "order", visitor, &json!({"order_id": visitor})), event(first + 2, "basket_add", visitor, &add),
        ]})
    };
    send(GOOGLE, "/v2/batch", &batch(1, "robot"));
    send(PERSON, "/v2/batch", &batch(11, "person"));
    send(GOOGLE, "/cart/add", &json!({"token": "t", "time": 1_600_000_000_100_u64, "visitorId": "robot", "params": {"productId": "1"}}));
    let view = json!({"scope": "view", "data": {}, "user": {"uid": "robot"}});
    send(GOOGLE, "/api/track?token=t", &view);
    // A shop's server authenticates itself, so its user agent does not matter.
    let answer =
        server.client.post_with("/api/track", &[("user-agent", GOOGLE), ("authorization", &basic("t", "secret"))], &view.to_string());
    assert_eq!(answer.status(), 200);
    let marks: Vec<Value> = server.client.export("").iter().map(|event| event["bot"].clone()).collect();
    let (yes, no) = (Value::Bool(true), Value::Null);
    assert_eq!(marks, [&yes, &yes, &yes, &no, &no, &no, &yes, &yes, &no].map(Clone::clone));
    let owners: Vec<Value> = server.client.list_of("t", "secret", "carts").iter().map(|cart| cart["customer"]["id"].clone()).collect();
    assert_eq!(owners, ["person"]);
    assert_eq!(server.client.list_of("t", "secret", "orders").len(), 2);
    let metrics = server.client.get("/metrics", &[]).body_mut().read_to_string().unwrap();
    assert!(metrics.contains("tillroll_events_bot_total 5\n"), "{metrics}");
}
