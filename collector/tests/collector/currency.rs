//! The currency of amounts that arrive without one: the setting, at every entrance of orders and of carts.

use serde_json::{Value, json};
use tillroll_collector::store::Options;

use crate::server::{EPOCH, TestServer, basic, id};

/// Sends an order through each entrance; `currency` is a member of each, unless it is null.
fn send_orders(server: &TestServer, token: &str, prefix: &str, currency: &Value) {
    let with = |mut object: Value, name: &str| {
        if !currency.is_null() {
            object[name] = currency.clone();
        }
        object
    };
    let order = |name: &str| {
        let fields = json!({"id": format!("{prefix}-{name}"), "createdAt": EPOCH, "amount": 5, "status": "paid", "products": []});
        with(fields, "currency")
    };
    let signed = |path: &str, body: Value| {
        let text = body.to_string();
        let digest = crate::backend::digest(&text, "secret");
        assert_eq!(server.client.post_with(path, &[("x-digest", &digest)], &text).status(), 200, "{path}");
    };
    signed("/v2/order", json!({"token": token, "time": EPOCH, "params": order("single")}));
    signed("/v2/order/batch", json!({"token": token, "time": EPOCH, "batch": [order("batch")]}));
    let authorization = basic(token, "secret");
    let owner = [("authorization", authorization.as_str())];
    let data = with(json!({"order_id": format!("{prefix}-headless"), "order_total": 5}), "order_currency");
    let headless = json!({"scope": "order", "action": "add", "data": data}).to_string();
    assert_eq!(server.client.post_with("/api/track", &owner, &headless).status(), 200);
    assert_eq!(server.client.post_with("/import/orders", &owner, &order("imported").to_string()).status(), 200);
    let number = 1 + u64::from(currency.is_null()) + 2 * u64::from(token == "t");
    let params = with(json!({"order_id": format!("{prefix}-page"), "total": 5}), "currency");
    let event = json!({"id": id(number), "type": "order", "api": "metrilo-v1", "time": EPOCH, "visitorId": "ab", "params": params});
    assert_eq!(server.client.post("/v2/batch", &json!({"token": token, "events": [event]}).to_string()).status(), 200);
}

#[test]
fn amounts_without_a_currency_get_that_of_their_project() {
    for (flags, expected) in [(vec!["--currency", "EUR,u=usd"], ["EUR", "USD"]), (vec![], ["", ""])] {
        let server = TestServer::with(&[&["--project", "t:secret,u:secret"], &*flags].concat(), Options::default());
        for (token, own) in ["t", "u"].into_iter().zip(expected) {
            send_orders(&server, token, "none", &Value::Null);
            send_orders(&server, token, "given", &json!(" bgn "));
            let orders = server.client.list_of(token, "secret", "orders");
            assert_eq!(orders.len(), 10);
            for order in orders {
                let name = order["id"].as_str().unwrap();
                let wanted = if name.starts_with("given") { json!("BGN") } else { json!(own) };
                assert_eq!(order.get("currency").unwrap_or(&json!("")), &wanted, "{name} of {token}");
            }
        }
    }
}

#[test]
fn carts_of_changed_quantities_get_the_currency_of_their_project() {
    for (flags, expected) in [(vec!["--currency", "EUR"], json!("EUR")), (vec![], Value::Null)] {
        let server = TestServer::with(&[&["--project", "t:secret"], &*flags].concat(), Options::default());
        let authorization = basic("t", "secret");
        let owner = [("authorization", authorization.as_str())];
        assert_eq!(server.client.post_with("/import/products", &owner, &json!({"id": "1", "price": 5}).to_string()).status(), 200);
        let event = |number, visitor: &str, kind: &str, quantity: i32| {
            let params = json!({"product_id": "1", "quantity": quantity});
            json!({"id": id(number), "type": kind, "api": "metrilo", "time": EPOCH, "visitorId": visitor, "params": params})
        };
        // A negative quantity that is removed is added.
        let body = json!({"token": "t", "events": [event(1, "a", "basket_add", 2), event(2, "b", "basket_remove", -2)]});
        assert_eq!(server.client.post("/v2/batch", &body.to_string()).status(), 200);
        let headless = json!({"scope": "basket", "action": "add", "data": {"product_id": "1", "quantity": 2}, "user": {"uid": "c"}});
        assert_eq!(server.client.post_with("/api/track", &owner, &headless.to_string()).status(), 200);
        let carts = server.client.list_of("t", "secret", "carts");
        let amounts: Vec<_> = carts.iter().map(|cart| (&cart["total_amount_with_taxes"], &cart["currency_code"])).collect();
        assert_eq!(amounts, vec![(&json!(10), &expected); 3]);
    }
}
