//! Orders, carts and returns that the collector derives from back end calls, page events and headless calls.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::FLAGS;
use super::api_client::{ACCEPT, CONTENT_TYPE, decade, import, order, query, send, token};
use super::server::{Client, ServerProcess, TestServer, basic, id, until};

/// 1 June 2021, 09:00 UTC, in milliseconds since 1970.
const NINE_OCLOCK_MS: u64 = 1_622_538_000_000;

/// Sends a signed call of the back end.
pub(crate) fn call_backend(client: &Client, path: &str, time: u64, params: &Value) {
    let body = json!({"token": "t", "time": time, "params": params}).to_string();
    let mac = Hmac::<Sha256>::new_from_slice(b"secret").unwrap().chain_update(&body);
    let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(client.post_with(path, &[("x-digest", &digest)], &body).status(), 200, "{path}");
}

fn headless(client: &Client, body: &Value) {
    assert_eq!(client.post_with("/api/track", &[("authorization", &basic("t", "secret"))], &body.to_string()).status(), 200);
}

fn event(number: u64, kind: &str, params: &Value) -> Value {
    json!({"id": id(number), "type": kind, "api": "ometria", "time": NINE_OCLOCK_MS + number * 1_000, "visitorId": "ab", "storeId": "uk", "params": params})
}

fn product(client: &Client, time: u64, id: &str, more: &Value) {
    let mut params = json!({"id": id, "price": ""});
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call_backend(client, "/v2/product", NINE_OCLOCK_MS + time, &params);
}

/// Returns all orders or carts that were created in 2021, or all returns that were created today.
fn found(client: &Client, resource: &str) -> Vec<Value> {
    let fields = match resource {
        "returns" => json!(["return.*", "customer.*", "market.*", "return_line_items.*"]),
        _ => json!(["order.*", "customer.*", "market.*", "billing_address.*", "payment_method.*", "line_items.*"]),
    };
    let mut dates = decade();
    dates["date_field"] = json!("created_at");
    let filter = if resource == "returns" { json!({"return": {"archived": false}}) } else { json!({"order": dates}) };
    let response = query(client, &format!("{resource}/search"), &json!({"search": {"fields": fields}, "filter": filter}));
    response["data"].as_array().unwrap().clone()
}

/// Asserts that `found` has every property of `expected`; null is a missing property.
fn assert_has(found: &Value, expected: &Value) {
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&found[name], value, "{name} of {found}");
    }
}

#[test]
fn back_end_order_overrides_the_page_event_and_keeps_its_other_attributes() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    product(client, 0, "p1", &json!({"name": "Shirt", "sku": "shirt", "price": 10.5}));
    let line = json!({"product_id": "p1", "quantity": 1, "total": 99});
    let report = json!({"order_id": "000000123", "total": 99, "tax": 2, "shipping": 3.5, "currency": "EUR", "lines": [line]});
    client.store(&[event(4, "identify", &json!({"email": "a@x.com"})), event(5, "order", &report)]);
    let billing = json!({"address": "Main 1", "city": "Sofia", "countryCode": "BG", "phone": "1", "postcode": 1000, "paymentMethod": "cod",
        "region": "SF", "firstName": "Jo", "lastName": "Bravo"});
    let products = json!([{"productId": "p1", "quantity": 2}, {"productId": "x9", "quantity": 1}]);
    let back_end_order = json!({"id": "000000123", "createdAt": NINE_OCLOCK_MS + 2, "email": "A@x.com", "amount": 31.5, "status": "Completed", "products": products,
        "coupons": ["SALE", "more"], "billing": billing});
    call_backend(client, "/v2/order", NINE_OCLOCK_MS + 9_000, &back_end_order);
    let orders = found(client, "orders");
    assert_eq!(orders.len(), 1);
    let lines = json!([
        {"id": "000000123-1", "item_id": "p1", "item_type": "skus", "code": "shirt", "name": "Shirt", "quantity": 2, "unit_amount": 10.5, "total_amount": 21.0},
        {"id": "000000123-2", "item_id": "x9", "item_type": "skus", "code": "x9", "quantity": 1},
    ]);
    assert_has(
        &orders[0],
        &json!({
            "id": "000000123", "number": "000000123", "status": "completed", "total_amount_with_taxes": 31.5, "total_tax_amount": 2.0,
            "shipping_amount": 3.5, "currency_code": "EUR", "coupon_code": "sale", "created_at": "2021-06-01T09:00:00.002Z",
            "placed_at": "2021-06-01T09:00:00.002Z", "current_date": "2021-06-01T09:00:00.002Z", "updated_at": "2021-06-01T09:00:09.000Z",
            "skus_count": 3, "country_code": "BG", "customer": {"id": "a@x.com", "email": "a@x.com"},
            "billing_address": {"city": "Sofia", "country_code": "BG", "state_code": "SF", "zip_code": "1000", "first_name": "Jo", "last_name": "Bravo"},
            "payment_method": {"name": "cod"}, "market": {"id": "uk", "name": "uk", "number": "uk"}, "line_items": lines, "cancelled_at": null,
        }),
    );
    let mut again = back_end_order;
    again["status"] = json!("Canceled");
    call_backend(client, "/v2/order", NINE_OCLOCK_MS + 20_000, &again);
    let us_spelling = &found(client, "orders")[0];
    assert!(us_spelling["status"] == "canceled" && us_spelling["cancelled_at"].is_string(), "{us_spelling}");
    headless(client, &json!({"scope": "order", "action": "cancel", "data": {"order_id": "000000123"}}));
    let cancelled = &found(client, "orders")[0];
    assert!(cancelled["status"] == "cancelled" && cancelled["cancelled_at"].is_string(), "{cancelled}");
    assert_eq!(cancelled["current_date"], cancelled["cancelled_at"]);
}

#[test]
fn page_events_and_headless_calls_create_orders() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    let line = json!({"product_id": "p", "variant_id": "v", "sku": "s", "variant_sku": "vs", "name": "Maxi", "quantity": 2, "total": 40});
    let mut report = event(1, "order", &json!({"order_id": "1", "total": 40, "lines": [line]}));
    report.as_object_mut().unwrap().remove("storeId");
    client.store(&[report]);
    let orders = found(client, "orders");
    let lines = json!([{"id": "1-1", "item_id": "v", "item_type": "skus", "code": "vs", "name": "Maxi", "quantity": 2, "unit_amount": 20.0, "total_amount": 40.0}]);
    assert_has(
        &orders[0],
        &json!({"id": "1", "status": "placed", "total_amount_with_taxes": 40.0, "customer": {"id": "ab"}, "line_items": lines,
            "market": {"id": "t", "name": "t", "number": "t"}, "created_at": "2021-06-01T09:00:01.000Z", "placed_at": "2021-06-01T09:00:01.000Z"}),
    );
    client.store(&[super::server::identify(2, NINE_OCLOCK_MS - super::server::EPOCH + 2_000, "ab", "a@x.com")]);
    assert_eq!(found(client, "orders")[0]["customer"], json!({"id": "a@x.com", "email": "a@x.com"}));
    headless(
        client,
        &json!({"scope": "order", "action": "add", "user": {"uid": "u1"}, "data": {"order_id": "2", "order_total": 74.96, "order_tax": 11.66,
            "order_shipping": 4.99, "order_currency": "USD", "order_lines": [{"product_id": "p", "product_sku": "s", "quantity": 1, "order_line_total": 49.99}]}}),
    );
    let today = query(client, "orders/search", &json!({"search": {"fields": ["order.*", "line_items.*"]}}));
    let lines = json!([{"id": "2-1", "item_id": "p", "item_type": "skus", "code": "s", "quantity": 1, "unit_amount": 49.99, "total_amount": 49.99}]);
    assert_has(
        &today["data"][0],
        &json!({"id": "2", "total_amount_with_taxes": 74.96, "total_tax_amount": 11.66, "shipping_amount": 4.99, "currency_code": "USD", "line_items": lines}),
    );
}

#[test]
fn cart_is_pending_once_the_visitor_identifies_and_ends_when_placed_or_emptied() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    let lines = |quantity: u64| json!([{"product_id": "p", "variant_id": "v", "quantity": quantity, "price": 5}]);
    let update = |number, lines: Value| {
        event(number, "basket_update", &json!({"basket_id": "b1", "total": 11, "currency": "GBP", "lines": lines, "changes": []}))
    };
    client.store(&[update(1, lines(2))]);
    let shown =
        json!([{"id": "b1-1", "item_id": "v", "item_type": "skus", "code": "v", "quantity": 2, "unit_amount": 5.0, "total_amount": 10.0}]);
    assert_has(
        &found(client, "carts")[0],
        &json!({"id": "b1", "status": "draft", "total_amount_with_taxes": 11.0, "currency_code": "GBP", "line_items": shown, "skus_count": 2,
            "customer": {"id": "ab"}, "market": {"id": "uk", "name": "uk", "number": "uk"}, "created_at": "2021-06-01T09:00:01.000Z",
            "updated_at": "2021-06-01T09:00:01.000Z"}),
    );
    client.store(&[super::server::identify(2, NINE_OCLOCK_MS - super::server::EPOCH + 2_000, "ab", "a@x.com"), update(3, lines(3))]);
    let pending = json!({"status": "pending", "customer": {"id": "a@x.com", "email": "a@x.com"}, "updated_at": "2021-06-01T09:00:03.000Z", "skus_count": 3});
    assert_has(&found(client, "carts")[0], &pending);
    client.store(&[update(4, json!([]))]);
    assert_eq!(found(client, "carts"), Vec::<Value>::new());
    client.store(&[event(5, "basket_add", &json!({"product_id": "p", "quantity": 1}))]);
    assert!(found(client, "carts")[0]["id"].as_str().unwrap().len() == 36, "the collector must create a cart id");
    call_backend(
        client,
        "/v2/order",
        NINE_OCLOCK_MS + 9_000,
        &json!({"id": "1", "createdAt": NINE_OCLOCK_MS + 8_000, "email": "a@x.com", "amount": 1, "status": "new", "products": []}),
    );
    assert_eq!(found(client, "carts"), Vec::<Value>::new());
}

#[test]
fn return_is_linked_to_its_order_in_any_arrival_order() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    headless(client, &json!({"scope": "order", "action": "return", "data": {"order_id": "7"}}));
    assert_has(
        &found(client, "returns")[0],
        &json!({"order_id": "7", "status": "received", "skus_count": 0, "customer": null, "return_line_items": null}),
    );
    // The order with its line items, and then the identity of the customer, arrive later.
    client.store(&[event(1, "order", &json!({"order_id": "7", "lines": [{"product_id": "p", "quantity": 2, "price": 5}]}))]);
    assert_has(
        &found(client, "returns")[0],
        &json!({"customer": {"id": "ab"}, "skus_count": 2, "market": {"id": "uk", "name": "uk", "number": "uk"}}),
    );
    client.store(&[super::server::identify(2, NINE_OCLOCK_MS - super::server::EPOCH, "ab", "a@x.com")]);
    let linked = found(client, "returns").remove(0);
    assert_has(&linked, &json!({"customer": {"id": "a@x.com", "email": "a@x.com"}}));
    let line = &linked["return_line_items"][0];
    assert_has(line, &json!({"line_item_code": "p", "line_item_item_type": "skus", "quantity": 2, "line_item_total_amount": 10.0}));
    assert!(["created_at", "received_at", "updated_at", "current_date"].iter().all(|name| linked[name].is_string()), "{linked}");
}

/// Returns the attributes of all lines of orders, carts and returns that come from the product catalog.
fn lines(client: &Client) -> Value {
    let lines_of = |resource: &str, lines: &str, names: [&str; 4]| {
        let line = |line: &Value| names.map(|name| line[name].clone()).to_vec();
        let all: Vec<Value> =
            found(client, resource).iter().flat_map(|record| record[lines].as_array().cloned().unwrap_or_default()).collect();
        let mut all: Vec<Vec<Value>> = all.iter().map(line).collect();
        all.sort_by_key(|line| format!("{line:?}"));
        Value::from(all)
    };
    let names = ["code", "name", "unit_amount", "total_amount"];
    let return_names = ["line_item_code", "line_item_name", "quantity", "line_item_total_amount"];
    json!({"orders": lines_of("orders", "line_items", names), "carts": lines_of("carts", "line_items", names),
        "returns": lines_of("returns", "return_line_items", return_names)})
}

/// Stores an order, a cart and two returns that contain a product and a variant of another one, before the catalog has either.
fn store_records_with_unknown_products(client: &Client) {
    let products = json!([{"productId": "p1", "quantity": 2}, {"productId": "o7", "quantity": 1}]);
    call_backend(
        client,
        "/v2/order",
        NINE_OCLOCK_MS,
        &json!({"id": "1", "createdAt": NINE_OCLOCK_MS, "amount": 1, "status": "new", "products": products}),
    );
    client.store_as_sent_at(NINE_OCLOCK_MS + 3_000_000, &[event(1, "basket_add", &json!({"product_id": "p1", "quantity": 3}))]);
    headless(client, &json!({"scope": "order", "action": "return", "data": {"order_id": "1"}}));
    headless(
        client,
        &json!({"scope": "order", "action": "return", "data": {"order_id": "none", "order_lines": [{"product_id": "p1", "quantity": 1}]}}),
    );
}

#[test]
fn later_product_changes_appear_in_earlier_records() {
    let folder = tempfile::tempdir().unwrap();
    let program = ServerProcess::start(folder.path(), FLAGS);
    let client = &program.client;
    store_records_with_unknown_products(client);
    let without_products = json!({"orders": [["o7", null, null, null], ["p1", null, null, null]], "carts": [["p1", null, null, null]],
        "returns": [["o7", null, 1, null], ["p1", null, 1, null], ["p1", null, 2, null]]});
    assert_eq!(lines(client), without_products);
    product(client, 1, "p1", &json!({"name": "Shirt", "price": 10}));
    product(client, 1, "p2", &json!({"name": "Shoe", "price": 50, "options": [{"id": "o7", "name": "42", "price": 7, "sku": "shoe-42"}]}));
    assert_eq!(
        lines(client),
        json!({"orders": [["p1", "Shirt", 10.0, 20.0], ["shoe-42", "Shoe", 7.0, 7.0]], "carts": [["p1", "Shirt", 10.0, 30.0]],
            "returns": [["p1", "Shirt", 1, 10.0], ["p1", "Shirt", 2, 20.0], ["shoe-42", "Shoe", 1, 7.0]]})
    );
    // Name, price and code change, and an image that records do not show.
    product(client, 2, "p1", &json!({"name": "Blouse", "price": 11, "sku": "blouse", "imageUrl": "https://x/b.png"}));
    product(client, 3, "p1", &json!({"name": "Blouse", "price": 11, "sku": "blouse", "imageUrl": "https://x/c.png"}));
    let now = json!({"orders": [["blouse", "Blouse", 11.0, 22.0], ["shoe-42", "Shoe", 7.0, 7.0]], "carts": [["blouse", "Blouse", 11.0, 33.0]],
        "returns": [["blouse", "Blouse", 1, 11.0], ["blouse", "Blouse", 2, 22.0], ["shoe-42", "Shoe", 1, 7.0]]});
    assert_eq!(lines(client), now);
    // The total of a cart follows its products, and a breakdown uses the new name.
    assert_eq!(found(client, "carts")[0]["total_amount_with_taxes"], 33.0);
    let body =
        json!({"breakdown": {"by": "line_items.name", "field": "line_items.quantity", "operator": "sum"}, "filter": {"order": decade()}});
    assert_eq!(
        query(client, "orders/breakdown", &body)["data"],
        json!({"line_items.name": [{"label": "Blouse", "value": 2.0}, {"label": "Shoe", "value": 1.0}]})
    );
    drop(program);
    // A change that the sync task had not applied before the stop is applied after the start.
    let program = ServerProcess::start(folder.path(), FLAGS);
    product(&program.client, 4, "p1", &json!({"name": "Shirt again", "price": 11}));
    drop(program);
    let program = ServerProcess::start(folder.path(), FLAGS);
    assert!(lines(&program.client).to_string().matches("Shirt again").count() == 4, "{}", lines(&program.client));
}

#[test]
fn queries_without_fresh_see_changes_soon() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    client.store(&[event(1, "order", &json!({"order_id": "1", "total": 5, "lines": [{"product_id": "p1", "quantity": 1}]}))]);
    let bearer = format!("Bearer {}", token(client, ""));
    let headers = [ACCEPT, CONTENT_TYPE, ("authorization", bearer.as_str())];
    let body =
        json!({"breakdown": {"by": "line_items.name", "field": "order.id", "operator": "value_count"}, "filter": {"order": decade()}})
            .to_string();
    let names = || send(client, "POST", "/metrics/orders/breakdown", &headers, &body).1["data"]["line_items.name"].clone();
    product(client, 1, "p1", &json!({"name": "Shirt"}));
    until("the order and the product name appear", || names() == json!([{"label": "Shirt", "value": 1}]));
    product(client, 2, "p1", &json!({"name": "Blouse"}));
    until("the new name appears", || names() == json!([{"label": "Blouse", "value": 1}]));
}

#[test]
fn product_change_does_not_replace_an_imported_order() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    let products = json!([{"productId": "p1", "quantity": 2}]);
    let back_end_order = json!({"id": "1", "createdAt": NINE_OCLOCK_MS, "amount": 1, "status": "new", "products": products});
    call_backend(client, "/v2/order", NINE_OCLOCK_MS, &back_end_order);
    let mut imported = order("1", 12.0);
    imported["line_items"] = json!([{"item_id": "p1", "name": "As imported", "quantity": 9}]);
    import(client, "orders", &[imported]);
    product(client, 1, "p1", &json!({"name": "Shirt", "price": 10}));
    let shown = found(client, "orders");
    assert_eq!(
        (shown.len(), &shown[0]["line_items"][0]["name"], &shown[0]["total_amount_with_taxes"]),
        (1, &json!("As imported"), &json!(12.0))
    );
    // A later back end call replaces the imported order.
    call_backend(
        client,
        "/v2/order",
        NINE_OCLOCK_MS + 1,
        &json!({"id": "1", "createdAt": NINE_OCLOCK_MS, "amount": 2, "status": "paid", "products": products}),
    );
    assert_eq!(found(client, "orders")[0]["line_items"][0]["name"], "Shirt");
    product(client, 2, "p1", &json!({"name": "Blouse", "price": 10}));
    assert_eq!(found(client, "orders")[0]["line_items"][0]["name"], "Blouse");
}

#[test]
fn renamed_product_changes_in_thousands_of_orders_while_new_ones_arrive() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    const ORDERS: u64 = 5_000;
    product(client, 0, "p1", &json!({"name": "Shirt", "price": 10}));
    let placed =
        |number: u64| event(number, "order", &json!({"order_id": number.to_string(), "lines": [{"product_id": "p1", "quantity": 1}]}));
    for first in (1..=ORDERS).step_by(500) {
        client.store(&(first..first + 500).map(placed).collect::<Vec<_>>());
    }
    let named = || {
        let body =
            json!({"breakdown": {"by": "line_items.name", "field": "order.id", "operator": "value_count"}, "filter": {"order": decade()}});
        query(client, "orders/breakdown", &body)["data"]["line_items.name"].clone()
    };
    assert_eq!(named(), json!([{"label": "Shirt", "value": ORDERS}]));
    product(client, 1, "p1", &json!({"name": "Blouse", "price": 10}));
    client.store_as_sent_at(NINE_OCLOCK_MS + 3_000_000, &[placed(ORDERS + 1)]);
    assert_eq!(named(), json!([{"label": "Blouse", "value": ORDERS + 1}]));
}
