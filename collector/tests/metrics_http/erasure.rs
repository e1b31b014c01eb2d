//! Erasure of a person: no export, live view, metrics response or file contains the personal data afterwards.

use std::io::{BufRead, BufReader};
use std::path::Path;

use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use super::FLAGS;
use super::api_client::{decade, import, order, query, send};
use super::server::{Client, EPOCH, ServerProcess, TestServer, basic, id, identify};

/// Personal data that must be gone: the email address, plain and URL-encoded, the visitor ids, and other attributes.
const TRACES: [&str; 8] =
    ["jo@secret.example", "jo%40secret.example", "phone-of-jo", "kiosk-of-jo", "Josephine", "Hidden Lane", "203.0.113.77", "jo-basket"];

/// 1 June 2021, 09:00 UTC, in milliseconds since 1970.
const NINE_OCLOCK_MS: u64 = 1_622_538_000_000;

fn event(number: u64, kind: &str, visitor: &str, params: &Value) -> Value {
    json!({"id": id(number), "type": kind, "api": "ometria", "time": NINE_OCLOCK_MS + number * 1_000, "visitorId": visitor, "params": params,
        "page": {"url": format!("https://shop.example/{number}")}})
}

fn call_backend(client: &Client, path: &str, time: u64, params: &Value) {
    super::tracked_data::call_backend(client, path, NINE_OCLOCK_MS + time, params);
}

fn erase(client: &Client, email: &str) -> Value {
    let (status, response) = send(client, "DELETE", &format!("/customers/{email}"), &[("authorization", &basic("t", "secret"))], "");
    assert_eq!(status, 200, "{response}");
    response["erased"].clone()
}

/// Stores every kind of data of one person, among data of many others.
fn store_personal_data(client: &Client) {
    let line = json!([{"product_id": "p1", "quantity": 1, "price": 5}]);
    let mut events = vec![
        event(1, "product_view", "phone-of-jo", &json!({"product_id": "p1"})),
        identify(2, NINE_OCLOCK_MS - EPOCH + 2_000, "phone-of-jo", "jo@secret.example"),
        event(3, "basket_update", "phone-of-jo", &json!({"basket_id": "jo-basket", "total": 5, "lines": line, "changes": []})),
        event(4, "customer_details", "phone-of-jo", &json!({"first_name": "Josephine"})),
        event(5, "order_return", "phone-of-jo", &json!({"order_id": "o1", "lines": line})),
        event(6, "order", "phone-of-jo", &json!({"order_id": "o2", "total": 20, "currency": "EUR"})),
        // Two people share this device.
        identify(7, NINE_OCLOCK_MS - EPOCH + 7_000, "shared", "jo@secret.example"),
        event(8, "search", "shared", &json!({"query": "by jo"})),
        identify(9, NINE_OCLOCK_MS - EPOCH + 9_000, "shared", "other@x.com"),
        event(10, "search", "shared", &json!({"query": "by another"})),
        event(11, "basket_add", "shared", &json!({"product_id": "p2", "quantity": 2})),
        // A visitor who never identified, but whose order the back end assigns to the person.
        event(12, "order", "kiosk-of-jo", &json!({"order_id": "o3", "total": 30})),
        // A newsletter link that contains the email address of its reader.
        event(13, "custom", "reader", &json!({"name": "https://shop.example/?to=jo%40secret.example"})),
        event(14, "custom", "reader", &json!({"name": "mentions jo@open.example, another person"})),
        event(15, "basket_update", "phone-of-jo", &json!({"basket_id": "jo-basket", "total": 9, "lines": line, "changes": []})),
    ];
    events.extend((1_000..3_000).map(|number| event(number, "product_view", &format!("v{}", number % 7), &json!({"product_id": "p1"}))));
    // The events of the person are spread over the log.
    events.extend((3_000..3_200).map(|number| event(number, "product_view", "phone-of-jo", &json!({"product_id": number}))));
    events.sort_by_key(|event| event["id"].as_str().unwrap().bytes().rev().collect::<Vec<_>>());
    for events in events.chunks(100) {
        client.store_as_sent_at(NINE_OCLOCK_MS + 4_000_000, events);
    }
    for time in 0..20 {
        let names = json!({"email": "jo@secret.example", "createdAt": NINE_OCLOCK_MS, "firstName": "Josephine", "lastName": format!("Doe {time}"), "tags": ["vip"]});
        call_backend(client, "/v2/customer", time, &names);
        call_backend(client, "/v2/customer", time, &json!({"email": format!("{time}@x.com"), "createdAt": NINE_OCLOCK_MS}));
    }
    let billing =
        json!({"address": "Hidden Lane 7", "city": "Sofia", "countryCode": "BG", "firstName": "Josephine", "paymentMethod": "cod"});
    for (number, amount) in [("o1", 10), ("o3", 30)] {
        let products = json!([{"productId": "p1", "quantity": 1}]);
        let order = json!({"id": number, "createdAt": NINE_OCLOCK_MS, "email": "jo@secret.example", "amount": amount, "status": "paid", "products": products,
            "billing": billing, "ipAddress": "203.0.113.77"});
        call_backend(client, "/v2/order", 50, &order);
    }
    let with = |id: &str, status: &str| {
        let mut record = order(id, 40.0);
        record["status"] = status.into();
        record["customer"] = json!({"id": "jo@secret.example", "email": "jo@secret.example"});
        record["billing_address"] = json!({"first_name": "Josephine", "country_code": "BG"});
        record
    };
    import(client, "orders", &[with("o4", "placed"), with("o6", "pending"), order("o5", 50.0)]);
}

fn orders(client: &Client) -> Value {
    let body = json!({"search": {"fields": ["order.*", "customer.*", "billing_address.*"]},
        "filter": {"order": decade()}});
    let mut found = query(client, "orders/search", &body)["data"].as_array().unwrap().clone();
    found.sort_by_key(|order| order["total_amount_with_taxes"].as_f64().map(f64::to_bits));
    found.into()
}

/// Reads the live view up to the newest event.
fn live_view(client: &Client) -> String {
    let newest = client.export("").last().unwrap()["cursor"].as_str().unwrap().to_owned();
    let mut response = client.get("/live/events?last=1000", &[("authorization", &basic("t", "secret"))]);
    let mut seen = String::new();
    for line in BufReader::new(response.body_mut().as_reader()).lines() {
        let line = line.unwrap();
        seen.push_str(&line);
        if line.starts_with("data:") && line.contains(&format!("\"cursor\":\"{newest}\"")) {
            break;
        }
    }
    seen
}

fn visible_data(client: &Client) -> String {
    let lists =
        ["events", "customers", "orders", "carts", "returns"].map(|list| Value::from(client.list_of("t", "secret", list)).to_string());
    let carts = json!({"search": {"fields": ["order.*", "customer.*"]}, "filter": {"order": decade()}});
    let returns = json!({"search": {"fields": ["return.*", "customer.*"]}, "filter": {"return": decade()}});
    let responses = [orders(client), query(client, "carts/search", &carts), query(client, "returns/search", &returns)];
    lists.concat() + &responses.map(|response| response.to_string()).concat() + &live_view(client)
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())).collect()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
}

#[test]
fn erased_person_is_absent_from_responses_and_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = ServerProcess::start(folder.path(), FLAGS);
    store_personal_data(&program.client);
    let before = visible_data(&program.client);
    assert!(TRACES.iter().all(|trace| before.contains(trace)), "personal data must be visible before the erasure");
    let erased = erase(&program.client, "JO@secret.example");
    let expected = json!({"events": 211, "visitors": 3, "customers": 1, "carts": 3, "orders": 4, "returns": 1});
    assert_eq!(erased, expected);
    assert_eq!(
        erase(&program.client, "jo@secret.example"),
        json!({"events": 0, "visitors": 0, "customers": 0, "carts": 0, "orders": 0, "returns": 0})
    );
    let after = visible_data(&program.client);
    let found: Vec<_> = TRACES.iter().filter(|trace| after.contains(*trace)).collect();
    assert!(found.is_empty(), "{found:?}");
    assert_other_data_remains(&program.client);
    kill_process(program.pid(), Signal::TERM).unwrap();
    assert!(program.child.wait().unwrap().success());
    for (file, bytes) in files(folder.path()) {
        let found: Vec<_> = TRACES.iter().filter(|trace| contains(&bytes, trace)).collect();
        assert!(found.is_empty(), "{file} contains {found:?}");
    }
    assert_other_data_remains(&ServerProcess::start(folder.path(), FLAGS).client);
}

/// Asserts that the amounts of orders and the data of other people remain.
fn assert_other_data_remains(client: &Client) {
    let amounts: Vec<Value> = orders(client).as_array().unwrap().iter().map(|order| order["total_amount_with_taxes"].clone()).collect();
    assert_eq!(amounts, [10.0, 20.0, 30.0, 40.0, 50.0].map(Value::from));
    assert_eq!(orders(client)[0]["billing_address"], json!({"country_code": "BG"}));
    let events = client.export("");
    assert_eq!(events.len(), 2_004);
    assert!(events.iter().any(|event| event["email"] == "other@x.com" && event["params"]["query"] == "by another"));
    let carts = client.list_of("t", "secret", "carts");
    assert_eq!(carts.iter().map(|cart| &cart["customer"]["email"]).collect::<Vec<_>>(), ["other@x.com"]);
    let customers = client.list_of("t", "secret", "customers");
    assert_eq!(customers.len(), 21);
}

#[test]
fn kill_before_the_stop_does_not_keep_the_old_projection() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = ServerProcess::start(folder.path(), FLAGS);
    store_personal_data(&program.client);
    orders(&program.client);
    erase(&program.client, "jo@secret.example");
    program.child.kill().unwrap();
    program.child.wait().unwrap();
    let mut program = ServerProcess::start(folder.path(), FLAGS);
    assert_other_data_remains(&program.client);
    kill_process(program.pid(), Signal::TERM).unwrap();
    program.child.wait().unwrap();
    for (file, bytes) in files(folder.path()) {
        let found: Vec<_> = TRACES.iter().filter(|trace| contains(&bytes, trace)).collect();
        assert!(found.is_empty(), "{file} contains {found:?}");
    }
}

#[test]
fn erased_person_can_return_and_other_projects_keep_their_data() {
    let server = TestServer::with(&["--project", "t:secret", "--project", "u:secret"], tillroll_collector::store::Options::default());
    let client = &server.client;
    store_personal_data(client);
    let other_project = json!({"token": "u", "events": [identify(1, NINE_OCLOCK_MS - EPOCH, "v", "jo@secret.example")]});
    client.post("/v2/batch", &other_project.to_string());
    erase(client, "jo@secret.example");
    assert_eq!(client.list_of("u", "secret", "customers").len(), 1);
    // Erased events that a client sends again are stored as new ones.
    let again = [
        identify(2, NINE_OCLOCK_MS - EPOCH + 2_000, "phone-of-jo", "jo@secret.example"),
        event(5, "order_return", "phone-of-jo", &json!({"order_id": "o1"})),
        event(3, "basket_add", "phone-of-jo", &json!({"product_id": "p9", "quantity": 1})),
    ];
    assert_eq!(client.store(&again), (3, 0));
    let customers = client.list_of("t", "secret", "customers");
    let jo = customers.iter().find(|customer| customer["email"] == "jo@secret.example").unwrap();
    assert_eq!((&jo["firstName"], &jo["tags"]), (&Value::Null, &json!([])));
    let carts = client.list_of("t", "secret", "carts");
    let jos: Vec<_> = carts.iter().filter(|cart| cart["customer"]["email"] == "jo@secret.example").collect();
    assert_eq!((jos.len(), &jos[0]["line_items"][0]["item_id"]), (1, &json!("p9")));
}

#[test]
fn erasure_requires_the_owner_and_an_email_address() {
    let server = TestServer::with(FLAGS, Default::default());
    let request =
        |method: &str, path: &str, secret: &str| send(&server.client, method, path, &[("authorization", &basic("t", secret))], "");
    assert_eq!(request("DELETE", "/customers/a@x.com", "wrong").0, 401);
    assert_eq!(request("PUT", "/customers/a@x.com", "secret").0, 405);
    let (status, response) = request("DELETE", "/customers/no-address", "secret");
    assert_eq!((status, &response["error"]["field"]), (400, &json!("email")));
    assert_eq!(request("DELETE", "/customers/a%2Bb%40x.com", "secret").0, 200);
}

#[test]
fn imported_record_of_another_loses_only_what_mentions_the_person() {
    let server = TestServer::with(FLAGS, Default::default());
    let client = &server.client;
    let times = json!({"created_at": "2021-06-10T10:00:00Z", "updated_at": "2021-06-10T10:00:00Z", "current_date": "2021-06-10T10:00:00Z"});
    let record = |id: &str, customer: Value, more: Value| {
        let mut record = json!({"id": id, "status": "placed", "customer": customer});
        record.as_object_mut().unwrap().extend(times.as_object().unwrap().clone());
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        record
    };
    let (gift, line) =
        (json!([{"name": "gift card for m@x.com", "quantity": 1}]), json!([{"line_item_name": "for m@x.com", "quantity": 1}]));
    let other = json!({"email": "other@x.com"});
    let address = json!({"city": "Sofia", "country_code": "BG", "first_name": "O"});
    let orders = [
        record("other", other.clone(), json!({"billing_address": address, "line_items": gift})),
        record("own", json!({"email": "M@x.com"}), json!({"billing_address": address})),
        record("guest", json!({}), json!({"billing_address": {"city": "c/o m@x.com", "country_code": "BG"}})),
        record("no customer", json!({}), json!({"billing_address": address, "line_items": gift})),
    ];
    import(client, "orders", &orders);
    import(client, "carts", &[record("cart", other.clone(), json!({"status": "pending", "line_items": gift}))]);
    import(client, "returns", &[record("return", other, json!({"status": "received", "return_line_items": line}))]);

    let owner = basic("t", "secret");
    let (_, data) = send(client, "GET", "/customers/m@x.com/data", &[("authorization", &owner)], "");
    let ids = |list: &Value| list.as_array().unwrap().iter().map(|record| record["id"].clone()).collect::<Vec<_>>();
    assert_eq!((ids(&data["orders"]), ids(&data["carts"]), ids(&data["returns"])), (vec![json!("own"), json!("guest")], vec![], vec![]));
    let mentions: Vec<_> = ["order", "order", "cart", "return"].iter().zip(data["mentions"].as_array().unwrap()).collect();
    let mentions: Vec<_> = mentions.into_iter().map(|(kind, mention)| mention[kind]["id"].clone()).collect();
    assert_eq!(mentions, ["other", "no customer", "cart", "return"]);
    let (_, data) = send(client, "GET", "/customers/other@x.com/data", &[("authorization", &owner)], "");
    assert_eq!(
        (ids(&data["orders"]), ids(&data["carts"]), ids(&data["returns"])),
        (vec![json!("other")], vec![json!("cart")], vec![json!("return")])
    );

    assert_eq!(erase(client, "m@x.com"), json!({"events": 0, "visitors": 0, "customers": 0, "carts": 0, "orders": 2, "returns": 0}));
    let exported = ["orders", "carts", "returns"].map(|list| Value::from(client.list_of("t", "secret", list)));
    assert!(!Value::from(exported.to_vec()).to_string().to_lowercase().contains("m@x.com"), "{exported:?}");
    let [orders, carts, returns] = exported;
    let of = |id: &str| orders.as_array().unwrap().iter().find(|order| order["id"] == id).unwrap();
    assert_eq!((&of("other")["email"], &of("other")["billing"]["city"]), (&json!("other@x.com"), &json!("Sofia")));
    assert_eq!(of("no customer")["billing"]["city"], "Sofia");
    assert_eq!(
        (&of("own")["email"], &of("own")["billing"], &of("guest")["billing"]),
        (&Value::Null, &json!({"countryCode": "BG"}), &json!({"countryCode": "BG"}))
    );
    assert_eq!(
        (&carts[0]["customer"]["email"], &carts[0]["line_items"]),
        (&json!("other@x.com"), &json!([{"item_type": "skus", "quantity": 1}]))
    );
    let returned = json!([{"line_item_item_type": "skus", "quantity": 1}]);
    assert_eq!((&returns[0]["customer"]["email"], &returns[0]["return_line_items"]), (&json!("other@x.com"), &returned));
    let (_, data) = send(client, "GET", "/customers/m@x.com/data", &[("authorization", &owner)], "");
    assert_eq!(data["error"]["code"], "unknown_customer");
}
