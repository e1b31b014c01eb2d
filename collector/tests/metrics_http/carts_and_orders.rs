//! Carts and orders of tracked events in metrics responses.

use serde_json::{Value, json};

use super::FLAGS;
use super::api_client::{decade, import, order, query};
use super::server::{Client, TestServer, basic, id};

const VISITOR: &str = "0123456789abcdef0123456789abcdef0123456789";
/// 1 June 2021, 10:00 UTC, in milliseconds since 1970.
const TEN_OCLOCK_MS: u64 = 1_622_541_600_000;

fn event(number: u64, kind: &str, params: &Value) -> Value {
    json!({"id": id(number), "type": kind, "api": "metrilo", "time": TEN_OCLOCK_MS + number * 60_000, "visitorId": VISITOR, "params": params})
}

fn count(client: &Client, resource: &str, field: &str) -> Value {
    let body = json!({"stats": {"field": field, "operator": "value_count"}, "filter": {"order": decade()}});
    query(client, &format!("{resource}/stats"), &body)["data"]["value"].clone()
}

#[test]
fn cart_becomes_an_order_when_it_is_placed() {
    let server = TestServer::with(FLAGS, Default::default());
    server.client.store(&[event(1, "basket_add", &json!({"product_id": "hat", "quantity": 2}))]);
    assert_eq!(count(&server.client, "carts", "order.id"), 1);
    let body = json!({"search": {"fields": ["order.status", "line_items.item_id", "line_items.quantity"]}, "filter": {"order": decade()}});
    let cart = &query(&server.client, "carts/search", &body)["data"][0];
    assert_eq!((&cart["status"], &cart["line_items"]), (&json!("draft"), &json!([{"item_id": "hat", "quantity": 2}])));
    let lines = json!([{"product_id": "hat", "quantity": 2, "price": 5.0}]);
    server.client.store(&[event(2, "order", &json!({"order_id": "77", "total": 10.0, "currency": "EUR", "lines": lines}))]);
    assert_eq!((count(&server.client, "carts", "order.id"), count(&server.client, "orders", "order.id")), (json!(0), json!(1)));
    let body = json!({"breakdown": {"by": "line_items.item_id", "field": "order.total_amount_with_taxes", "operator": "sum"},
        "filter": {"order": decade()}});
    assert_eq!(query(&server.client, "orders/breakdown", &body)["data"], json!({"line_items.item_id": [{"label": "hat", "value": 10.0}]}));
}

#[test]
fn order_without_a_status_of_its_own_is_cancelled_at_the_time_of_the_cancellation() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    client
        .store(&[event(1, "order", &json!({"order_id": "page", "total": 10.0})), event(61, "order_cancel", &json!({"order_id": "page"}))]);
    let authorization = basic("t", "secret");
    for (action, data) in [("add", json!({"order_id": "api", "user_id": "u1", "order_total": 5})), ("cancel", json!({"order_id": "api"}))] {
        let body = json!({"scope": "order", "action": action, "data": data}).to_string();
        assert_eq!(client.post_with("/api/track", &[("authorization", &authorization)], &body).status(), 200);
    }
    let search = |resource: &str, fields: Value, filter: Value| {
        let body = json!({"search": {"fields": fields, "sort": "asc"}, "filter": filter});
        query(client, &format!("{resource}/search"), &body)["data"].as_array().unwrap().clone()
    };
    let cancellations = search("events", json!(["event.time"]), json!({"event": {"types": {"in": ["order_cancel"]}}}));
    let orders = search("orders", json!(["order.*"]), json!({"order": decade()}));
    let times = |records: &[Value], name: &str| records.iter().map(|record| record[name].clone()).collect::<Vec<_>>();
    assert_eq!((times(&orders, "id"), times(&orders, "status")), (vec![json!("page"), json!("api")], vec![json!("cancelled"); 2]));
    assert_eq!(times(&orders, "cancelled_at"), times(&cancellations, "time"));
    assert_eq!(times(&orders, "current_date"), times(&cancellations, "time"));
    assert_eq!(orders[0]["placed_at"], "2021-06-01T10:01:00.000Z");
}

#[test]
fn cart_of_added_products_has_the_currency_of_the_project() {
    let server = TestServer::with(&[FLAGS, &["--currency", "EUR"]].concat(), Default::default());
    import(&server.client, "products", &[json!({"id": "hat", "price": 5})]);
    let events = [event(1, "basket_add", &json!({"product_id": "hat", "quantity": 2})), event(2, "identify", &json!({"email": "a@x.com"}))];
    server.client.store(&events);
    let body = json!({"breakdown": {"by": "order.currency_code", "field": "order.total_amount_with_taxes", "operator": "sum"},
        "filter": {"order": decade()}});
    assert_eq!(query(&server.client, "carts/breakdown", &body)["data"], json!({"order.currency_code": [{"label": "EUR", "value": 10.0}]}));
    let body = json!({"search": {"fields": ["customer.cart_amount", "customer.cart_currency_code"]}, "filter": {"customer": decade()}});
    let customer = &query(&server.client, "customers/search", &body)["data"][0];
    assert_eq!((&customer["cart_amount"], &customer["cart_currency_code"]), (&json!(10.0), &json!("EUR")));
}

#[test]
fn imported_order_replaces_the_tracked_order() {
    let server = TestServer::with(FLAGS, Default::default());
    server.client.store(&[event(1, "order", &json!({"order_id": "77", "total": 10.0}))]);
    import(&server.client, "orders", &[order("77", 12.0), order("78", 1.0)]);
    let body = json!({"stats": {"field": "order.total_amount_with_taxes", "operator": "stats"}, "filter": {"order": decade()}});
    let value = &query(&server.client, "orders/stats", &body)["data"]["value"];
    assert_eq!((&value["count"], &value["sum"]), (&json!(2), &json!(13.0)));
}
