//! The endpoints of one person: timeline, data, tags.

use serde_json::{Value, json};
use tillroll_collector::store::Options;

use crate::backend::digest;
use crate::server::{EPOCH, TestServer, basic, id, identify, read_json, view};

/// Sends a request as the owner; returns the status and the body.
fn request(server: &TestServer, method: &str, path: &str, body: &str) -> (u16, Value) {
    let secret = basic("t", "secret");
    let headers = [("authorization", secret.as_str())];
    let mut response = match method {
        "GET" => server.client.get(path, &headers),
        "POST" => server.client.post_with(path, &headers, body),
        _ => server.client.delete_with(path, &headers, body),
    };
    (response.status().as_u16(), read_json(&mut response))
}

fn timeline(server: &TestServer, email: &str, query: &str) -> Vec<Value> {
    let mut response = server.client.get(&format!("/customers/{email}/timeline{query}"), &[("authorization", &basic("t", "secret"))]);
    assert_eq!((response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()), (200, "application/x-ndjson"));
    let text = response.body_mut().with_config().limit(1 << 30).read_to_string().unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns a `product_view` in a session, on a page.
fn visit_view(number: u64, time: u64, visitor: &str, session: &str, url: &str) -> Value {
    let mut event = view(number, time, visitor);
    event["sessionId"] = json!(session);
    event["page"] = json!({"url": url, "referrer": "https://search.example/", "title": "T"});
    event
}

fn signed(server: &TestServer, path: &str, params: &Value) {
    let body = json!({"token": "t", "time": EPOCH + 5, "params": params}).to_string();
    let mut response = server.client.post_with(path, &[("x-digest", &digest(&body, "secret"))], &body);
    assert_eq!(response.status(), 200, "{path}: {}", read_json(&mut response));
}

fn import(server: &TestServer, list: &str, record: &Value) {
    let (status, body) = request(server, "POST", &format!("/import/{list}"), &record.to_string());
    assert_eq!((status, &body["accepted"]), (200, &json!(1)), "{body}");
}

/// A person with two devices, an order of the back end, a return, a cart, and imported records.
fn shop() -> TestServer {
    let server = TestServer::start();
    let mut bot = visit_view(20, 3_500, "phone", "s1", "https://shop.example/bot");
    bot["params"] = json!({"product_id": "9"});
    let mut mention = visit_view(6, 2_000, "stranger", "s9", "https://shop.example/c");
    mention["page"]["title"] = json!("A letter to jo@x.com");
    let mut cart = view(5, 7_000, "laptop");
    cart["type"] = json!("basket_add");
    cart["params"] = json!({"product_id": "2", "quantity": 1});
    server.client.store(&[
        visit_view(2, 3_000, "phone", "s1", "https://shop.example/b"),
        visit_view(1, 1_000, "phone", "s1", "https://shop.example/a?utm_source=x"),
        identify(3, 4_000, "phone", "jo@x.com"),
        identify(4, 6_000, "laptop", "JO@x.com"),
        cart,
        mention,
        identify(7, 2_500, "stranger", "other@x.com"),
    ]);
    let agent = [("content-type", "text/plain"), ("user-agent", "Googlebot/2.1 (+http://www.google.com/bot.html)")];
    server.client.post_with("/v2/batch", &agent, &json!({"token": "t", "events": [bot]}).to_string());
    let order = json!({"id": "#1001", "email": "jo@x.com", "amount": 5, "status": "completed", "createdAt": EPOCH + 5_000, "products": []});
    signed(&server, "/v2/order", &order);
    let at = "2020-09-13T12:26:48Z";
    let customer = json!({"email": "Jo@x.com", "id": "7"});
    let status = "placed";
    import(&server, "orders", &json!({"id": "old", "status": status, "placed_at": at, "current_date": at, "customer": customer}));
    import(&server, "returns", &json!({"id": "back", "order_id": "old", "status": "received", "created_at": at, "customer": customer}));
    import(&server, "orders", &json!({"id": "theirs", "status": status, "placed_at": at, "customer": {"email": "other@x.com"}}));
    server
}

/// Returns kind and id of each entry.
fn names(timeline: &[Value]) -> Vec<String> {
    let name = |entry: &Value| {
        let kind = entry["kind"].as_str().unwrap();
        format!("{kind} {}", entry[kind]["id"].as_str().unwrap().trim_start_matches("01890a5d-0000-7000-8000-00000000000"))
    };
    timeline.iter().map(name).collect()
}

#[test]
fn timeline_has_what_a_person_did_on_all_devices_newest_first() {
    let server = shop();
    let entries = timeline(&server, "jo@x.com", "");
    let expected =
        ["return back", "order old", "event 5", "event 4", "order #1001", "event 3", "event 0014", "visit s1", "event 2", "event 1"];
    assert_eq!(names(&entries).iter().map(|name| name.replace("01890a5d-0000-7000-8000-00000000", "")).collect::<Vec<_>>(), expected);
    let visit = &entries[7]["visit"];
    let expected = json!({
        "id": "s1", "visitor_id": "phone", "started_at": EPOCH + 1_000, "ended_at": EPOCH + 3_000, "duration_seconds": 2, "events_count": 2,
        "entry_url": "https://shop.example/a?utm_source=x", "referrer": "https://search.example/", "exit_url": "https://shop.example/b",
    });
    assert_eq!(visit, &expected);
    assert_eq!(entries[7]["source"], json!({"channel": "social", "name": "x"}));
    let event = &entries[9]["event"];
    assert_eq!((&event["type"], &event["email"], &event["visitor_id"]), (&json!("product_view"), &json!("jo@x.com"), &json!("phone")));
    assert!(entries.windows(2).all(|pair| pair[0]["time"].as_u64() >= pair[1]["time"].as_u64()));
    // A percent-encoded address and capitals name the same person.
    assert_eq!(timeline(&server, "JO%40X.com", ""), entries);
}

#[test]
fn imported_order_takes_the_place_of_what_a_page_reported() {
    let server = TestServer::start();
    let mut reported = identify(2, 2_000, "laptop", "jo@x.com");
    reported["type"] = json!("order");
    reported["params"] = json!({"order_id": "77", "total": 20, "currency": "EUR"});
    server.client.store(&[identify(1, 1_000, "laptop", "jo@x.com"), reported]);
    let orders = || {
        let entries = timeline(&server, "jo@x.com", "").into_iter();
        entries.filter(|entry| entry["kind"] == "order").map(|entry| entry["order"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(orders().iter().map(|order| &order["id"]).collect::<Vec<_>>(), ["77"]);
    let at = "2020-09-13T12:26:48Z";
    let customer = json!({"email": "jo@x.com"});
    import(&server, "orders", &json!({"id": "77", "status": "approved", "placed_at": at, "current_date": at, "customer": customer}));
    assert_eq!(orders().iter().map(|order| (&order["id"], &order["status"])).collect::<Vec<_>>(), [(&json!("77"), &json!("approved"))]);
}

#[test]
fn timeline_pages_of_any_size_make_up_the_whole() {
    let server = TestServer::start();
    let events: Vec<Value> =
        (2..1_203).map(|n| visit_view(n, n * 7_919 % 1_000, "ab", &format!("s{}", n % 40), "https://s.example/")).collect();
    server.client.store(&[identify(1, 0, "ab", "a+b@x.com")]);
    for batch in events.chunks(500) {
        server.client.store(batch);
    }
    let whole = timeline(&server, "a%2Bb@x.com", "");
    assert_eq!(whole.len(), 1_202 + 40);
    for limit in [1, 7, 500, 501, 5_000] {
        let (mut pages, mut before): (Vec<Value>, String) = (Vec::new(), String::new());
        loop {
            let page = timeline(&server, "a%2Bb@x.com", &format!("?before={before}&limit={limit}"));
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            before = last["cursor"].as_str().unwrap().to_owned();
            pages.extend(page);
            if limit == 1 && pages.len() == 30 {
                break;
            }
        }
        assert_eq!(pages, whole[..pages.len()], "{limit}");
        assert!(limit == 1 || pages.len() == whole.len(), "{limit}");
    }
}

#[test]
fn data_has_what_an_erasure_deletes_and_nothing_of_others() {
    let server = shop();
    let mut response = server.client.get("/customers/jo@x.com/data", &[("authorization", &basic("t", "secret"))]);
    let disposition = response.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert_eq!(disposition, "attachment; filename=\"customer-jo@x.com.json\"");
    let data = read_json(&mut response);
    let ids = |list: &str| -> Vec<String> {
        let id = |record: &Value| record["id"].as_str().unwrap().trim_start_matches("01890a5d-0000-7000-8000-0000000000").to_owned();
        data[list].as_array().unwrap_or_else(|| panic!("{list}: {data}")).iter().map(id).collect()
    };
    assert_eq!((&data["email"], &data["customer"]["email"]), (&json!("jo@x.com"), &json!("jo@x.com")));
    assert_eq!(data["visitor_ids"], json!(["phone", "laptop"]));
    assert_eq!(ids("events"), ["02", "01", "03", "04", "05", "14"]);
    assert_eq!(ids("mentions"), ["06"]);
    assert_eq!((ids("orders"), ids("returns"), ids("carts").len()), (vec!["#1001".into(), "old".into()], vec!["back".into()], 1));
    let (status, erased) = request(&server, "DELETE", "/customers/jo@x.com", "");
    assert_eq!(
        (status, &erased["erased"]),
        (200, &json!({"events": 7, "visitors": 2, "customers": 1, "carts": 1, "orders": 2, "returns": 1}))
    );
    for path in ["/customers/jo@x.com/data", "/customers/jo@x.com/timeline"] {
        assert_eq!(request(&server, "GET", path, "").0, 404, "{path}");
    }
    assert_eq!(names(&timeline(&server, "other@x.com", "")), ["order theirs", "event 7"]);
}

#[test]
fn data_has_the_records_of_a_visitor_whose_order_the_back_end_assigns_to_the_person() {
    let server = TestServer::start();
    let event = |number: u64, kind: &str, params: Value| {
        let mut event = view(number, 1_000 * number, "guest");
        (event["type"], event["params"]) = (json!(kind), params);
        event
    };
    server.client.store(&[
        event(1, "order", json!({"order_id": "first", "total": 5})),
        event(2, "order", json!({"order_id": "second", "total": 6})),
        event(3, "order_return", json!({"order_id": "second"})),
        event(4, "basket_add", json!({"product_id": "2", "quantity": 1})),
        view(5, 9_000, "stranger"),
    ]);
    signed(
        &server,
        "/v2/order",
        &json!({"id": "first", "email": "jo@x.com", "amount": 5, "status": "new", "createdAt": EPOCH + 1_000, "products": []}),
    );
    let (status, data) = request(&server, "GET", "/customers/jo@x.com/data", "");
    let ids = |list: &str| data[list].as_array().unwrap().iter().map(|record| record["id"].clone()).collect::<Vec<_>>();
    assert_eq!((status, ids("orders"), ids("returns")), (200, vec![json!("first"), json!("second")], vec![json!(id(3))]), "{data}");
    assert_eq!((ids("carts").len(), ids("events").len()), (1, 4));
    let (_, erased) = request(&server, "DELETE", "/customers/jo@x.com", "");
    let expected = json!({"events": 4, "visitors": 1, "customers": 0, "orders": 2, "returns": 1});
    let erased = expected.as_object().unwrap().keys().map(|name| (name.clone(), erased["erased"][name].clone()));
    assert_eq!(Value::from_iter(erased), expected);
}

#[test]
fn tags_are_added_and_removed() {
    let server = shop();
    for (method, tags, expected) in [
        ("POST", json!(["VIP", "new"]), json!(["new", "VIP"])),
        ("POST", json!(["vip"]), json!(["new", "vip"])),
        ("DELETE", json!(["Vip", "absent"]), json!(["new"])),
        ("POST", json!([]), json!(["new"])),
    ] {
        assert_eq!(
            request(&server, method, "/customers/jo%40x.com/tags", &json!({"tags": tags}).to_string()),
            (200, json!({"tags": expected}))
        );
    }
    // What an owner removed, no page adds again.
    request(&server, "DELETE", "/customers/jo@x.com/tags", r#"{"tags":["new"]}"#);
    let tag =
        json!({"id": id(40), "type": "tag", "api": "metrilo", "time": EPOCH + 9_000, "visitorId": "phone", "params": {"tags": ["new"]}});
    server.client.store(&[tag]);
    assert_eq!(server.client.list_of("t", "secret", "customers")[0]["tags"], json!([]));
    // A person who only has an order of the back end.
    let order = json!({"id": "2", "email": "mail@x.com", "amount": 5, "status": "completed", "createdAt": EPOCH, "products": []});
    signed(&server, "/v2/order", &order);
    assert_eq!(request(&server, "POST", "/customers/mail@x.com/tags", r#"{"tags":["b2b"]}"#), (200, json!({"tags": ["b2b"]})));
}

#[test]
fn invalid_requests_get_an_error_that_names_the_field() {
    let server = shop();
    let long = json!({"tags": ["x".repeat(70_000)]}).to_string();
    for (method, path, body, expected) in [
        ("GET", "/customers/absent@x.com/timeline", "", (404, "unknown_customer", "email")),
        ("GET", "/customers/absent@x.com/data", "", (404, "unknown_customer", "email")),
        ("POST", "/customers/absent@x.com/tags", r#"{"tags":["a"]}"#, (404, "unknown_customer", "email")),
        ("DELETE", "/customers/absent@x.com/tags", r#"{"tags":["a"]}"#, (404, "unknown_customer", "email")),
        ("GET", "/customers/absent/timeline", "", (400, "invalid_field", "email")),
        ("GET", "/customers/%ff@x.com/data", "", (400, "invalid_field", "email")),
        ("GET", "/customers/jo@x.com/timeline?before=e1", "", (400, "invalid_field", "before")),
        ("GET", "/customers/jo@x.com/timeline?limit=0", "", (400, "invalid_field", "limit")),
        ("POST", "/customers/jo@x.com/tags", r#"{"tags":[{"a":1}]}"#, (400, "invalid_field", "tags")),
        ("POST", "/customers/jo@x.com/tags", "{}", (400, "missing_field", "tags")),
        ("DELETE", "/customers/jo@x.com/tags", r#"{"tags":[["a"]]}"#, (400, "invalid_field", "tags")),
        ("POST", "/customers/jo@x.com/tags", &long, (400, "string_too_long", "tags")),
        ("POST", "/customers/jo@x.com/tags", "[]", (400, "invalid_field", "body")),
    ] {
        let (status, answer) = request(&server, method, path, body);
        let error = &answer["error"];
        let found = (status, error["code"].as_str().unwrap_or_default(), error["field"].as_str().unwrap_or_default());
        assert_eq!(found, expected, "{method} {path} {answer}");
    }
    assert_eq!(request(&server, "POST", "/customers/jo@x.com/tags", "{").1["error"]["code"], "not_json");
}

#[test]
fn other_sites_change_nothing_and_other_projects_see_nothing() {
    let server = TestServer::with(&["--project", "t:secret", "--project", "u:secret"], Options::default());
    server.client.store(&[identify(1, 1, "ab", "jo@x.com")]);
    let (secret, tags) = (basic("t", "secret"), r#"{"tags":["a"]}"#);
    let send = |method: &str, path: &str, headers: &[(&str, &str)]| {
        let headers: Vec<(&str, &str)> = headers.iter().copied().chain([("authorization", secret.as_str())]).collect();
        let response =
            if method == "POST" { server.client.post_with(path, &headers, tags) } else { server.client.delete_with(path, &headers, tags) };
        response.status().as_u16()
    };
    let json = ("content-type", "application/json");
    for (headers, expected) in [
        (vec![("sec-fetch-site", "cross-site"), json], 403),
        (vec![("sec-fetch-site", "same-site"), json], 403),
        (vec![("origin", "https://evil.example"), json], 403),
        (vec![("sec-fetch-site", "same-origin"), ("content-type", "text/plain")], 415),
        (vec![("sec-fetch-site", "same-origin"), ("content-type", "application/json; charset=utf-8")], 200),
        (vec![], 200),
    ] {
        for method in ["POST", "DELETE"] {
            assert_eq!(send(method, "/customers/jo@x.com/tags", &headers), expected, "{method} {headers:?}");
        }
        if expected == 403 {
            assert_eq!(send("DELETE", "/customers/jo@x.com", &headers), 403, "{headers:?}");
        }
    }
    let of_another = basic("u", "secret");
    for path in ["/customers/jo@x.com/timeline", "/customers/jo@x.com/data"] {
        assert_eq!(server.client.get(path, &[("authorization", &of_another)]).status(), 404, "{path}");
    }
    assert_eq!(timeline(&server, "jo@x.com", "").len(), 1);
}
