//! Imported records in metrics responses.

use serde_json::{Value, json};

use super::api_client::{import, import_text, order, query, send, totals, year};
use super::server::{TestServer, basic};

#[test]
fn invalid_line_does_not_reject_other_lines() {
    let server = TestServer::start_today();
    let mut strange = order("2", 2.0);
    strange["hat"] = json!("green");
    let text = format!("{}\r\n\n{{\"id\": 5\n{}\n{}\n[]\n", order("1", 1.5), strange, json!({"id": "3", "guest": "yes"}));
    let response = import_text(&server.client, "orders", &text);
    assert_eq!((&response["accepted"], &response["ignored"]), (&json!(2), &json!(1)));
    let rejected: Vec<_> =
        response["rejected"].as_array().unwrap().iter().map(|line| (line["line"].clone(), line["code"].clone())).collect();
    assert_eq!(rejected, [(json!(3), json!("not_json")), (json!(5), json!("invalid_field")), (json!(6), json!("invalid_field"))]);
    assert_eq!(totals(&server.client)["sum"], 3.5);
}

#[test]
fn times_before_1970_and_from_the_future_are_moved() {
    let server = TestServer::start_today();
    let times = ["0001-01-01T00:00:00Z", "1950-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "2999-01-01T00:00:00Z", "9999-12-31T23:59:59Z"];
    let orders: Vec<_> = times.iter().map(|time| json!({"id": time, "placed_at": time, "current_date": "2021-06-01T10:00:00Z"})).collect();
    assert_eq!(import(&server.client, "orders", &orders), json!({"accepted": 5, "rejected": [], "ignored": 0}));
    let body = json!({"search": {"fields": ["order.placed_at"]}, "filter": {"order": year()}});
    let found = query(&server.client, "orders/search", &body)["data"].clone();
    let placed_at = |id: &str| found.as_array().unwrap().iter().find(|order| order["id"] == id).unwrap()["placed_at"].clone();
    assert!(times[..3].iter().all(|time| placed_at(time) == "1970-01-01T00:00:00.000Z"), "{found}");
    assert!(placed_at(times[3]) == placed_at(times[4]) && placed_at(times[3]).as_str() < Some("2999"), "{found}");
}

#[test]
fn later_record_replaces_an_earlier_one() {
    let server = TestServer::start_today();
    import(&server.client, "orders", &[order("1", 1.0), order("1", 2.0), order("2", 4.0)]);
    import(&server.client, "orders", &[order("2", 8.0)]);
    assert_eq!(totals(&server.client), json!({"count": 2, "min": 2.0, "max": 8.0, "avg": 5.0, "sum": 10.0}));
}

#[test]
fn lines_of_a_large_import_are_stored_in_their_order() {
    const IDS: usize = 100;
    const ROUNDS: usize = 160;
    let server = TestServer::start_today();
    let orders: Vec<_> = (0..IDS * ROUNDS).map(|line| order(&(line % IDS).to_string(), (line / IDS) as f64)).collect();
    let response = import(&server.client, "orders", &orders);
    assert_eq!((&response["accepted"], &response["rejected"]), (&json!(IDS * ROUNDS), &json!([])));
    let last = (ROUNDS - 1) as f64;
    let expected = json!({"count": IDS, "min": last, "max": last, "avg": last, "sum": last * IDS as f64});
    assert_eq!(totals(&server.client), expected);
}

#[test]
fn attribute_that_one_of_many_orders_has_is_found() {
    let server = TestServer::start_today();
    let mut orders: Vec<_> = (0..5_000).map(|number| order(&number.to_string(), 1.0)).collect();
    orders[4_321]["coupon_code"] = json!("SPRING");
    import(&server.client, "orders", &orders);
    let breakdown = json!({"by": "order.coupon_code", "field": "order.id", "operator": "value_count"});
    let response = query(&server.client, "orders/breakdown", &json!({"breakdown": breakdown, "filter": {"order": year()}}));
    assert_eq!(response["data"]["order.coupon_code"], json!([{"label": "SPRING", "value": 1}]), "{response}");
    assert_eq!(totals(&server.client)["count"], 5_000);
}

#[test]
fn imported_cart_becomes_an_order() {
    let server = TestServer::start_today();
    let count = |resource: &str| {
        let body = json!({"stats": {"field": "order.id", "operator": "value_count"}, "filter": {"order": year()}});
        query(&server.client, &format!("{resource}/stats"), &body)["data"]["value"].clone()
    };
    let mut cart = order("1", 1.0);
    cart["status"] = json!("pending");
    import(&server.client, "orders", &[cart.clone()]);
    cart.as_object_mut().unwrap().remove("status");
    cart["id"] = json!("2");
    import(&server.client, "carts", &[cart]);
    assert_eq!((count("orders"), count("carts")), (json!(0), json!(2)));
    import(&server.client, "orders", &[order("1", 1.0)]);
    assert_eq!((count("orders"), count("carts")), (json!(1), json!(1)));
}

#[test]
fn placed_order_among_imported_carts_has_a_source() {
    let server = TestServer::start_today();
    import(&server.client, "carts", &[order("1", 1.0)]);
    let body = json!({"breakdown": {"by": "order.source", "field": "order.id", "operator": "value_count"}, "filter": {"order": year()}});
    assert_eq!(query(&server.client, "orders/breakdown", &body)["data"], json!({"order.source": [{"label": "import", "value": 1}]}));
}

#[test]
fn imported_orders_belong_to_one_customer_whatever_the_capitals_of_the_address() {
    let server = TestServer::start_today();
    let emails = ["jo@x.com", " Jo@X.com ", "+49 170@phone_email", "+49170@Phone_email"];
    let orders = [1.0, 2.0, 3.0, 4.0].map(|amount| order(&amount.to_string(), amount));
    let orders: Vec<_> = orders.into_iter().zip(emails).map(|(order, email)| with_email(order, email)).collect();
    assert_eq!(import(&server.client, "orders", &orders), json!({"accepted": 4, "rejected": [], "ignored": 0}));
    let by_email = json!({"breakdown": {"by": "customer.email", "field": "order.total_amount_with_taxes", "operator": "sum"}, "filter": {"order": year()}});
    let buckets = json!([{"label": "+49170@phone_email", "value": 7.0}, {"label": "jo@x.com", "value": 3.0}]);
    assert_eq!(query(&server.client, "orders/breakdown", &by_email)["data"]["customer.email"], buckets);
    let body = json!({"search": {"fields": ["customer.orders_count"], "sort_by": "customer.first_order_at"},
        "filter": {"customer": {"date_from": "2021-01-01T00:00:00Z", "date_to": "2021-12-31T23:59:59Z", "date_field": "first_order_at", "orders_count": {"eq": 2}}}});
    let customers = json!([{"id": "+49170@phone_email", "orders_count": 2}, {"id": "jo@x.com", "orders_count": 2}]);
    assert_eq!(query(&server.client, "customers/search", &body)["data"], customers);
    let owner = basic("t", "secret");
    let (status, data) = send(&server.client, "GET", "/customers/+49%20170@phone_email/data", &[("authorization", &owner)], "");
    assert_eq!((status, &data["email"]), (200, &json!("+49170@phone_email")));
}

#[test]
fn imported_customer_without_a_valid_address_has_none() {
    let server = TestServer::start_today();
    let long = "l".repeat(300) + "@x.com";
    for (email, ignored) in [("", 0), ("   ", 0), ("undefined", 1), ("c@x.com, d@x.com", 1), ("a b@x.com", 1), (&long, 1)] {
        for (resource, kind) in [("orders", "placed"), ("carts", "pending"), ("returns", "received")] {
            let mut record = with_email(order("1", 1.0), email);
            record["status"] = json!(kind);
            let known = if resource == "returns" { json!({"id": "1", "status": kind, "customer": record["customer"]}) } else { record };
            let response = import(&server.client, resource, &[known]);
            assert_eq!(response, json!({"accepted": 1, "rejected": [], "ignored": ignored}), "{email:?} in {resource}");
        }
    }
    let lists = ["orders", "carts", "returns"].map(|list| Value::from(server.client.list_of("t", "secret", list)).to_string());
    assert!(!lists.concat().contains("mail"), "{lists:?}");
}

fn with_email(mut record: Value, email: &str) -> Value {
    record["customer"] = json!({"email": email});
    record
}

#[test]
fn imported_line_without_a_type_is_a_product_with_its_code_as_id() {
    let server = TestServer::start_today();
    let lines = [
        (json!({"code": "HAT", "quantity": 2}), json!({"item_id": "HAT", "code": "HAT", "item_type": "skus", "quantity": 2})),
        (json!({"item_id": "7", "item_type": "bundles"}), json!({"item_id": "7", "code": "7", "item_type": "bundles"})),
        (json!({"item_id": "8", "code": "CAP"}), json!({"item_id": "8", "code": "CAP", "item_type": "skus"})),
        (json!({"name": "Scarf"}), json!({"name": "Scarf", "item_type": "skus"})),
        (json!({"code": "DHL", "item_type": "shipments"}), json!({"code": "DHL", "item_type": "shipments"})),
    ];
    let mut record = order("1", 1.0);
    record["line_items"] = lines.iter().map(|(sent, _)| sent.clone()).collect();
    let mut cart = json!({"id": "2", "created_at": record["created_at"], "current_date": record["current_date"]});
    cart["line_items"] = record["line_items"].clone();
    import(&server.client, "orders", &[record]);
    import(&server.client, "carts", &[cart]);
    for resource in ["orders", "carts"] {
        let search = json!({"search": {"fields": ["line_items.*"]}, "filter": {"order": year()}});
        let found = query(&server.client, &format!("{resource}/search"), &search)["data"][0]["line_items"].clone();
        assert_eq!(found, lines.iter().map(|(_, stored)| stored.clone()).collect::<Value>(), "{resource}");
    }
    let line = json!({"line_item_code": "HAT", "quantity": 1});
    import(&server.client, "returns", &[json!({"id": "r", "created_at": "2021-06-01T09:00:00Z", "return_line_items": [line]})]);
    let body = json!({"breakdown": {"by": "return_line_items.line_item_item_type", "field": "return.id", "operator": "value_count"},
        "filter": {"return": {"date_field": "created_at", "date_from": year()["date_from"], "date_to": year()["date_to"]}}});
    let found = query(&server.client, "returns/breakdown", &body)["data"]["return_line_items.line_item_item_type"].clone();
    assert_eq!(found, json!([{"label": "skus", "value": 1}]));
}

#[test]
fn import_requires_the_owner_and_a_known_resource() {
    let server = TestServer::start_today();
    assert_eq!(send(&server.client, "POST", "/import/orders", &[], "{}").0, 401);
    assert_eq!(send(&server.client, "POST", "/import/hats", &[("authorization", &basic("t", "secret"))], "{}").0, 404);
    assert_eq!(send(&server.client, "GET", "/import/orders", &[("authorization", &basic("t", "secret"))], "").0, 405);
}
