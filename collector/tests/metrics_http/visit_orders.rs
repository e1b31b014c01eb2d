//! The orders and the carts of visits: their sums, which of them an access token shows, and when a visit has put something into a cart.

use serde_json::{Value, json};
use tillroll_collector::time::format_rfc3339_millis;

use super::FLAGS;
use super::api_client::{import, query, query_with, token};
use super::server::TestServer;
use super::traffic::{DAY_MS, LAPTOP, MINUTE_MS, TEN_OCLOCK_MS, browse, event, june, search, view};

fn sum(field: &str, main: &str) -> Value {
    json!({"stats": {"field": field, "operator": "sum"}, "filter": {main: june()}})
}

#[test]
fn greatest_amounts_in_one_visit_leave_all_queries_working() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    let order = |number: u64| {
        let params = json!({"order_id": number.to_string(), "total": 9.2e12, "currency": "EUR"});
        event(number, number, "v1", "s1", "order", "/thanks", &params)
    };
    let identify = event(9, 9, "v1", "s1", "identify", "/", &json!({"email": "jo@x.com"}));
    browse(client, LAPTOP, &[view(1, 0, "v1", "s1", "/"), order(2), order(3), identify]);
    let greatest = json!(9_223_372_036_854.775);
    assert_eq!(query(client, "visits/stats", &sum("visit.revenue", "visit"))["data"]["value"], greatest);
    assert_eq!(query(client, "customers/stats", &sum("customer.revenue", "customer"))["data"]["value"], greatest);
    assert_eq!(query(client, "orders/stats", &sum("order.total_amount_with_taxes", "order"))["data"]["value"], 18.4e12);
    let orders = search(client, "orders", "order", "placed_at", &["order.id", "attribution.*"]);
    assert_eq!(orders.iter().map(|order| &order["attribution"]["visits_count"]).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn amounts_without_a_currency_are_added_to_those_of_the_only_one_of_a_customer_and_a_visit() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    let cases = [
        ("a", &[("EUR", 100.0), ("", 10.0)][..], Some("EUR"), 110.0),
        ("b", &[("", 10.0), ("EUR", 100.0)], Some("EUR"), 110.0),
        ("c", &[("", 10.0), ("", 1.0)], None, 11.0),
        ("d", &[("USD", 7.0), ("EUR", 100.0), ("", 10.0)], Some("USD"), 7.0),
        ("e", &[("", 10.0), ("USD", 7.0), ("EUR", 100.0)], None, 10.0),
    ];
    for ((number, (name, orders, ..)), day) in (1..).step_by(10).zip(&cases).zip(0..) {
        let (email, session, start) = (format!("{name}@x.com"), format!("s{name}"), day * DAY_MS);
        let identify = event(number + 1, start + 1, name, &session, "identify", "/", &json!({ "email": email }));
        browse(client, LAPTOP, &[view(number, start, name, &session, "/"), identify]);
        let record = |(place, (currency, amount)): (u64, &(&str, f64))| {
            let placed_at = format_rfc3339_millis((TEN_OCLOCK_MS + start + (1 + place) * MINUTE_MS).cast_signed());
            let mut order = json!({"id": format!("{name}{place}"), "status": "placed", "total_amount_with_taxes": amount,
                "customer": {"email": email}, "placed_at": placed_at});
            if !currency.is_empty() {
                order["currency_code"] = json!(currency);
            }
            order
        };
        import(client, "orders", &(0..).zip(*orders).map(record).collect::<Vec<_>>());
    }
    let expected = json!(cases.map(|(.., currency, revenue)| json!([currency, revenue])));
    for (resource, main, date) in [("visits", "visit", "started_at"), ("customers", "customer", "first_order_at")] {
        let fields = ["revenue", "currency_code"].map(|field| format!("{main}.{field}"));
        let found = search(client, resource, main, date, &fields.each_ref().map(String::as_str));
        let found: Vec<_> = found.iter().map(|record| json!([record["currency_code"], record["revenue"]])).collect();
        assert_eq!(json!(found), expected, "{resource}");
    }
}

#[test]
fn token_of_a_market_shows_no_orders_of_other_markets_in_its_visits() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    let mut visit = [view(1, 0, "v1", "s1", "/"), event(2, 1, "v1", "s1", "identify", "/", &json!({"email": "jo@x.com"}))];
    visit.iter_mut().for_each(|event| event["storeId"] = json!("de"));
    browse(client, LAPTOP, &visit);
    let order = |id: &str, market: &str, amount: f64| {
        json!({"id": id, "status": "placed", "total_amount_with_taxes": amount, "currency_code": "EUR", "market": {"id": market},
            "customer": {"email": "jo@x.com"}, "placed_at": "2021-06-10T10:10:00Z"})
    };
    import(client, "orders", &[order("1", "de", 10.0), order("2", "us", 70.0)]);
    for (scope, orders, revenue) in [("", 2.0, 80.0), ("market:id:de", 1.0, 10.0)] {
        let answer = |path: &str, body: &Value| query_with(client, &token(client, scope), path, body).1["data"]["value"].clone();
        assert_eq!(answer("visits/stats", &sum("visit.revenue", "visit")), revenue, "{scope}");
        assert_eq!(answer("visits/stats", &sum("visit.orders_count", "visit")), orders, "{scope}");
        let events = json!({"stats": {"field": "event.id", "operator": "value_count"},
            "filter": {"event": june(), "visit": {"revenue": {"eq": revenue}, "ordered": true}}});
        assert_eq!(answer("events/stats", &events), 2, "{scope}");
    }
}

#[test]
fn changed_basket_that_has_more_is_put_into_the_cart() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    let changes = [
        (json!([{"product_id": "hat", "from": 0, "to": 2}]), true),
        (json!([{"product_id": "hat", "from": 1, "to": 2}, {"product_id": "cap", "to": 1}]), true),
        (json!([{"product_id": "hat", "from": 2, "to": 1}]), false),
        (json!([]), false),
    ];
    for ((changes, _), number) in changes.iter().zip(1..) {
        let (visitor, session) = (format!("v{number}"), format!("s{number}"));
        let params = json!({"total": 5, "currency": "EUR", "lines": [], "changes": changes});
        browse(client, LAPTOP, &[event(number, number * MINUTE_MS, &visitor, &session, "basket_update", "/cart", &params)]);
    }
    let visits = search(client, "visits", "visit", "started_at", &["visit.added_to_cart"]);
    let added: Vec<_> = visits.iter().map(|visit| visit["added_to_cart"] == true).collect();
    assert_eq!(added, changes.map(|(_, is_added)| is_added));
    let events = search(client, "events", "event", "time", &["event.quantity", "product.id"]);
    let found: Vec<_> = events.iter().map(|event| json!([event["quantity"], event["product"]["id"]])).collect();
    assert_eq!(json!(found), json!([[2, "hat"], [2, null], [null, null], [null, null]]));
}
