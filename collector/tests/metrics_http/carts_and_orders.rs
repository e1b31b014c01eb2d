//! Carts and orders of tracked events in metrics responses.

use std::path::Path;

use serde_json::{Value, json};

use super::FLAGS;
use super::api_client::{decade, import, order, query, send};
use super::server::{Client, ServerProcess, TestServer, basic, id};
use super::tracked_data::call_backend;

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

/// Stores a signed order of the back end, and then an imported one.
fn own_and_imported(client: &Client, id: &str) {
    let own = json!({"id": id, "createdAt": TEN_OCLOCK_MS, "email": "own@x.com", "amount": 1, "status": "paid", "products": []});
    call_backend(client, "/v2/order", TEN_OCLOCK_MS, &own);
    import(client, "orders", &[imported(id)]);
}

fn imported(id: &str) -> Value {
    let mut record = order(id, 2.0);
    record["customer"] = json!({"email": "imported@x.com"});
    record
}

/// Returns the source of each order, in the metrics and in the export.
fn sources(client: &Client) -> [Vec<(String, String)>; 2] {
    let pairs = |orders: &[Value]| {
        let text = |order: &Value, name: &str| order[name].as_str().unwrap_or_default().to_owned();
        let mut pairs: Vec<_> = orders.iter().map(|order| (text(order, "id"), text(order, "source"))).collect();
        pairs.sort();
        pairs
    };
    let body = json!({"search": {"fields": ["order.source"], "limit": 100}, "filter": {"order": decade()}});
    [pairs(query(client, "orders/search", &body)["data"].as_array().unwrap()), pairs(&client.list_of("t", "secret", "orders"))]
}

fn delete_projection(folder: &Path) {
    let paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let files = paths.iter().filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("analytics"));
    files.for_each(|path| std::fs::remove_file(path).unwrap());
}

/// Returns a whole order by the headless API.
fn return_order(client: &Client, id: &str) {
    let body = json!({"scope": "order", "action": "return", "data": {"order_id": id}}).to_string();
    assert_eq!(client.post_with("/api/track", &[("authorization", &basic("t", "secret"))], &body).status(), 200);
}

#[test]
fn last_write_with_a_secret_decides_between_an_own_and_an_imported_order() {
    let folder = tempfile::tempdir().unwrap();
    let program = ServerProcess::start(folder.path(), FLAGS);
    let client = &program.client;
    let own = |id: &str, status: &str, time: u64| {
        let order = json!({"id": id, "createdAt": TEN_OCLOCK_MS, "email": "own@x.com", "amount": 1, "status": status, "products": []});
        call_backend(client, "/v2/order", TEN_OCLOCK_MS + time, &order);
    };
    let erase = |email: &str| {
        let owner = basic("t", "secret");
        assert_eq!(send(client, "DELETE", &format!("/customers/{email}"), &[("authorization", &owner)], "").0, 200);
    };
    for id in ["erased", "return", "report", "cancel", "retry", "changed", "again", "cart", "headless return"] {
        own_and_imported(client, id);
    }
    client.store(&[
        event(1, "order_return", &json!({"order_id": "return"})),
        event(2, "order", &json!({"order_id": "report", "total": 999})),
        event(3, "order_cancel", &json!({"order_id": "cancel"})),
    ]);
    own("retry", "paid", 0);
    own("changed", "sent", 1_000);
    own("again", "sent", 1_000);
    import(client, "orders", &[imported("again")]);
    let mut cart = imported("cart");
    cart["status"] = json!("pending");
    import(client, "carts", &[cart]);
    return_order(client, "headless return");
    // An import before the own order, and one that only a page's report follows.
    import(client, "orders", &[imported("own last"), imported("page last")]);
    own("own last", "paid", 0);
    client.store(&[event(4, "order", &json!({"order_id": "page last", "total": 999}))]);
    erase("own@x.com");
    erase("imported@x.com");

    let backend = ["cart", "changed", "own last"];
    let ids = ["again", "cancel", "cart", "changed", "erased", "headless return", "own last", "page last", "report", "retry", "return"];
    let expected: Vec<_> =
        ids.iter().map(|id| ((*id).to_owned(), if backend.contains(id) { "backend" } else { "import" }.to_owned())).collect();
    assert_eq!(sources(client), [expected.clone(), expected.clone()]);
    assert_eq!(count(client, "carts", "order.id"), 0);
    assert_eq!(client.list_of("t", "secret", "carts"), Vec::<Value>::new());
    // A rebuilt projection has the same.
    drop(program);
    delete_projection(folder.path());
    let program = ServerProcess::start(folder.path(), FLAGS);
    assert_eq!(sources(&program.client), [expected.clone(), expected]);
}

#[test]
fn imported_cart_replaces_what_only_a_page_reported_and_no_order_of_the_back_end() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    let mut cart = order("1", 2.0);
    cart["status"] = json!("pending");
    import(client, "carts", &[cart]);
    client.store(&[event(1, "order", &json!({"order_id": "1", "total": 10.0}))]);
    let lists = || ["orders", "carts"].map(|list| (count(client, list, "order.id"), client.list_of("t", "secret", list).len()));
    assert_eq!(lists(), [(json!(0), 0), (json!(1), 1)]);
    let own = json!({"id": "1", "createdAt": TEN_OCLOCK_MS, "amount": 1, "status": "paid", "products": []});
    call_backend(client, "/v2/order", TEN_OCLOCK_MS, &own);
    assert_eq!(lists(), [(json!(1), 1), (json!(0), 0)]);
}

#[test]
fn imported_cart_or_order_stands_for_the_cart_of_a_page_whatever_came_last() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    let imported = |id: &str, amount: f64, email: &str| {
        let mut cart = order(id, amount);
        (cart["status"], cart["customer"]) = (json!("pending"), json!({"email": email}));
        cart
    };
    let snapshot = |number: u64, basket: &str, total: f64| {
        let params = json!({"basket_id": basket, "total": total, "lines": [{"product_id": "hat", "quantity": 1}], "changes": []});
        // Each cart is of another visitor.
        let mut event = event(number, "basket_update", &params);
        event["visitorId"] = json!(format!("visitor-of-{basket}"));
        event
    };
    let carts = || {
        let amount = |cart: &Value| (cart["id"].clone(), cart["total_amount_with_taxes"].as_f64());
        let body = json!({"search": {"fields": ["order.id", "order.total_amount_with_taxes"]}, "filter": {"order": decade()}});
        let queried = query(client, "carts/search", &body)["data"].as_array().unwrap().clone();
        [queried, client.list_of("t", "secret", "carts")].map(|carts| {
            let mut found: Vec<_> = carts.iter().map(amount).collect();
            found.sort_by_key(|(id, _)| id.to_string());
            found
        })
    };
    let assert_carts = |expected: &[(&str, f64)]| {
        let expected: Vec<_> = expected.iter().map(|(id, amount)| (json!(id), Some(*amount))).collect();
        assert_eq!(carts(), [expected.clone(), expected]);
    };
    import(client, "carts", &[imported("first", 7.0, "first@x.com")]);
    client.store(&[snapshot(1, "first", 1.0), snapshot(2, "last", 1.0), snapshot(3, "ordered", 1.0), snapshot(4, "own", 1.0)]);
    assert_carts(&[("first", 7.0), ("last", 1.0), ("ordered", 1.0), ("own", 1.0)]);
    let again = [imported("first", 9.0, "first@x.com"), imported("last", 8.0, "last@x.com")];
    assert_eq!(import(client, "carts", &again), json!({"accepted": 2, "rejected": [], "ignored": 0}));
    let of_customer = |id: &str, email: &str| {
        let mut order = order(id, 5.0);
        order["customer"] = json!({"email": email});
        order
    };
    let mut identify = event(7, "identify", &json!({"email": "buyer@x.com"}));
    identify["visitorId"] = json!("visitor-of-ordered");
    client.store(&[identify]);
    // An order of another customer may have the number of a basket.
    import(client, "orders", &[of_customer("ordered", "buyer@x.com"), of_customer("own", "another@x.com")]);
    assert_carts(&[("first", 9.0), ("last", 8.0), ("own", 1.0)]);
    client.store(&[snapshot(5, "last", 2.0)]);
    assert_carts(&[("first", 9.0), ("last", 8.0), ("own", 1.0)]);
    // What was erased stands for nothing.
    assert_eq!(client.delete("/customers/last@x.com", &[("authorization", &basic("t", "secret"))]).status(), 200);
    assert_carts(&[("first", 9.0), ("last", 2.0), ("own", 1.0)]);
    client.store(&[event(6, "basket_add", &json!({"product_id": "hat", "quantity": 1}))]);
    let response = import(client, "carts", &[imported(&id(6), 1.0, "first@x.com")]);
    assert_eq!(response["rejected"][0]["code"], "kept_by_events");
}

#[test]
fn return_of_the_owner_marks_the_own_or_imported_order_as_returned() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    let returned = || {
        let body = json!({"search": {"fields": ["order.id"], "limit": 100},
            "filter": {"order": {"date_from": "2021-01-01T00:00:00Z", "date_to": "2030-12-31T23:59:00Z", "returned": true}}});
        let orders = query(client, "orders/search", &body)["data"].clone();
        let mut ids: Vec<_> = orders.as_array().unwrap().iter().map(|order| order["id"].clone()).collect();
        ids.sort_by_key(ToString::to_string);
        ids
    };
    let own = json!({"id": "own", "createdAt": TEN_OCLOCK_MS, "amount": 1, "status": "paid", "products": []});
    call_backend(client, "/v2/order", TEN_OCLOCK_MS, &own);
    client.store(&[event(1, "order", &json!({"order_id": "page", "total": 10.0}))]);
    import(client, "orders", &[order("import", 1.0), order("headless", 1.0), order("stranger", 1.0), order("kept", 1.0)]);
    assert_eq!(returned(), Vec::<Value>::new());
    let of = |id: &str, order: &str| json!({"id": id, "status": "received", "order_id": order, "created_at": "2021-06-10T10:00:00Z"});
    import(client, "returns", &[of("r1", "own"), of("r2", "page"), of("r3", "import"), of("r4", "kept"), of("r5", "later")]);
    return_order(client, "headless");
    client.store(&[event(2, "order_return", &json!({"order_id": "stranger"}))]);
    import(client, "orders", &[order("later", 1.0)]);
    assert_eq!(returned(), ["headless", "import", "kept", "later", "own", "page"]);
    import(client, "returns", &[of("r4", "stranger")]);
    assert_eq!(returned(), ["headless", "import", "later", "own", "page", "stranger"]);
}
