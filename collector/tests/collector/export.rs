//! The event export: authorisation, order, pages and format.

use serde_json::{Value, json};
use tillroll_collector::store::Options;

use crate::backend::digest;
use crate::server::{EPOCH, TestServer, basic, id, identify, read_json, view};

#[test]
fn export_needs_the_owners_secret_and_returns_events_of_one_project() {
    let server = TestServer::with(&["--project", "t:secret", "--project", "u:secret"], Options::default());
    server.client.store(&[view(1, 1, "ab")]);
    for headers in [vec![], vec![basic("t", "wrong")], vec![basic("x", "secret")], vec!["Bearer s".into()], vec!["Basic %%".into()]] {
        let headers: Vec<(&str, &str)> = headers.iter().map(|value: &String| ("authorization", value.as_str())).collect();
        let mut response = server.client.get("/export/events", &headers);
        assert_eq!(response.status(), 401, "{headers:?}");
        assert!(response.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic"));
        assert_eq!(read_json(&mut response)["error"]["code"], "unauthorized");
    }
    assert_eq!(server.client.export_of("t", "").len(), 1);
    assert_eq!(server.client.export_of("u", "").len(), 0);
}

#[test]
fn same_id_in_two_projects_is_stored_as_two_events() {
    let server = TestServer::with(&["--project", "t:secret", "--project", "u:secret"], Options::default());
    let body = |token: &str| json!({"token": token, "events": [view(1, 1, "ab"), identify(2, 2, "ab", &format!("{token}@x.com"))]});
    for token in ["t", "u", "t"] {
        server.client.post("/v2/batch", &body(token).to_string());
    }
    for token in ["t", "u"] {
        let emails: Vec<Value> = server.client.export_of(token, "").iter().map(|event| event["email"].clone()).collect();
        assert_eq!(emails, [format!("{token}@x.com"), format!("{token}@x.com")]);
    }
}

#[test]
fn a_page_of_a_list_skips_what_is_not_exported() {
    let server = TestServer::start();
    let event = |number: u64, kind: &str, visitor: &str| json!({"id": id(number), "type": kind, "api": "ometria", "time": EPOCH, "visitorId": visitor, "params": {"order_id": "o"}});
    let strangers = (2..9).map(|number| event(number, "order_return", "stranger"));
    let own = [event(1, "order", "ab"), event(9, "order_return", "ab")];
    server.client.store(&own.into_iter().chain(strangers).collect::<Vec<_>>());
    let mut response = server.client.get("/export/returns?limit=1", &[("authorization", &basic("t", "secret"))]);
    let lines = response.body_mut().read_to_string().unwrap();
    assert!(lines.lines().count() == 1 && lines.contains(&id(9)), "{lines}");
}

#[test]
fn events_are_exported_in_storage_order_on_pages_of_any_size() {
    let server = TestServer::start();
    let events: Vec<Value> = (0..1_234).map(|number| view(number, 2_000 - number, "ab")).collect();
    for batch in events.chunks(500) {
        server.client.store(batch);
    }
    let whole = server.client.export("");
    let ids: Vec<&Value> = whole.iter().map(|event| &event["id"]).collect();
    assert_eq!(ids, events.iter().map(|event| &event["id"]).collect::<Vec<_>>());
    for limit in [1, 499, 500, 501, 1_000, 5_000] {
        let mut pages: Vec<Value> = Vec::new();
        loop {
            let after = pages.last().map_or(String::new(), |event| event["cursor"].as_str().unwrap().to_owned());
            let page = server.client.export(&format!("?after={after}&limit={limit}"));
            assert!(page.len() <= limit);
            pages.extend(page);
            if pages.len() >= 1_234 || limit == 1 {
                break;
            }
        }
        let expected = if limit == 1 { &whole[..1] } else { &whole[..] };
        assert_eq!(pages, expected, "{limit}");
    }
    let last = whole.last().unwrap()["cursor"].as_str().unwrap().to_owned();
    assert_eq!(server.client.export(&format!("?after={last}")), Vec::<Value>::new());
}

/// The store inserts many ids in one statement; some of them exist already.
#[test]
fn batch_with_duplicates_stores_its_new_events_in_order() {
    let server = TestServer::start();
    let old: Vec<Value> = (0..40).filter(|number| number % 3 == 0).map(|number| view(number, 1, "ab")).collect();
    assert_eq!(server.client.store(&old), (14, 0));
    let all: Vec<Value> = (0..40).chain(36..40).map(|number| view(number, 1, "ab")).collect();
    assert_eq!(server.client.store(&all), (26, 18));
    assert_eq!(server.client.store(&all), (0, 44));
    let people: Vec<Value> = (40..60).map(|number| identify(number, number, &format!("v{number}"), &format!("{number}@x.com"))).collect();
    assert_eq!(server.client.store(&people), (20, 0));
    let new = (0..40).filter(|number| number % 3 != 0);
    let expected: Vec<Value> = (0..40).filter(|number| number % 3 == 0).chain(new).chain(40..60).map(|number| json!(id(number))).collect();
    let stored = server.client.export("");
    assert_eq!(stored.iter().map(|event| event["id"].clone()).collect::<Vec<_>>(), expected);
    assert_eq!(stored.last().unwrap()["email"], "59@x.com");
}

/// A segment contains events of one project; one sequence numbers the events of all projects.
#[test]
fn projects_that_share_a_log_each_export_their_own_events() {
    let server = TestServer::with(&["--project", "t:secret", "--project", "u:secret"], Options::default());
    let mut expected = [Vec::new(), Vec::new()];
    for batch in 0..60_u64 {
        // The second project has few events, far apart.
        let (index, token) = if batch % 30 == 7 { (1, "u") } else { (0, "t") };
        let numbers = batch * 17..(batch + 1) * 17;
        let events: Vec<Value> = numbers.clone().map(|number| view(number, 1, "ab")).collect();
        server.client.post("/v2/batch", &json!({"token": token, "events": events}).to_string());
        expected[index].extend(numbers.map(|number| json!(id(number))));
    }
    for (token, expected) in ["t", "u"].iter().zip(&expected) {
        let mut stored: Vec<Value> = Vec::new();
        loop {
            let after = stored.last().map_or(String::new(), |event| event["cursor"].as_str().unwrap().to_owned());
            let page = server.client.export_of(token, &format!("?after={after}&limit=11"));
            if page.is_empty() {
                break;
            }
            stored.extend(page);
        }
        assert_eq!(&stored.iter().map(|event| event["id"].clone()).collect::<Vec<_>>(), expected, "{token}");
    }
}

#[test]
fn invalid_query_parameter_is_rejected_with_its_name() {
    let server = TestServer::start();
    for (query, field) in [("after=1", "after"), ("after=zz", "after"), ("limit=0", "limit"), ("limit=-1", "limit"), ("limit=x", "limit")] {
        let mut response = server.client.get(&format!("/export/events?{query}"), &[("authorization", &basic("t", "secret"))]);
        assert_eq!((response.status().as_u16(), &read_json(&mut response)["error"]["field"]), (400, &json!(field)), "{query}");
    }
}

#[test]
fn exported_line_has_exactly_the_documented_fields_in_order() {
    let server = TestServer::start();
    server.client.store(&[view(1, 1, "ab")]);
    let mut response = server.client.get("/export/events", &[("authorization", &basic("t", "secret"))]);
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    let line = response.body_mut().read_to_string().unwrap();
    let names =
        ["cursor", "id", "type", "api", "time", "received_at", "visitor_id", "email", "session_id", "store_id", "page", "params", "device"];
    let positions: Vec<usize> = names.iter().map(|name| line.find(&format!("\"{name}\":")).unwrap()).collect();
    assert!(positions.is_sorted(), "{line}");
    let event: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(event.as_object().unwrap().len(), names.len(), "{line}");
}

#[test]
fn duplicate_event_does_not_change_the_stored_event() {
    let server = TestServer::start();
    assert_eq!(server.client.store(&[view(1, 1, "ab")]), (1, 0));
    assert_eq!(server.client.store(&[view(1, 99, "cd"), view(2, 2, "ab")]), (1, 1));
    let export = server.client.export("");
    assert_eq!((&export[0]["id"], &export[0]["time"], export.len()), (&json!(id(1)), &json!(EPOCH + 1), 2));
}

#[test]
fn orders_that_pages_reported_and_the_owner_imported_do_not_use_up_the_limit() {
    let server = TestServer::start();
    let order = |number: u64| {
        let mut event = view(number, 1_000 + number, "ab");
        event["type"] = json!("order");
        event["params"] = json!({"order_id": format!("o{number}"), "total": 5, "currency": "EUR"});
        event
    };
    server.client.store(&[order(1), order(2), order(3)]);
    let at = "2021-01-01T00:00:00Z";
    let imported: String =
        ["o1", "o2"].iter().map(|id| format!("{}\n", json!({"id": id, "status": "placed", "placed_at": at, "current_date": at}))).collect();
    let owner = basic("t", "secret");
    let headers = [("authorization", owner.as_str())];
    assert_eq!(server.client.post_with("/import/orders", &headers, &imported).status(), 200);
    let mut after = String::new();
    for expected in ["o3", "o1", "o2"] {
        let mut response = server.client.get(&format!("/export/orders?limit=1&after={after}"), &headers);
        let line = read_json(&mut response);
        assert_eq!(line["id"], expected);
        after = line["cursor"].as_str().unwrap().to_owned();
    }
}

#[test]
fn returns_that_pages_reported_for_orders_of_the_owner_are_hidden_and_do_not_use_up_the_limit() {
    let server = TestServer::start();
    let returned = |number: u64, order: &str| {
        let mut event = view(number, 1_000 + number, "ab");
        event["type"] = json!("order_return");
        event["params"] = json!({"order_id": order});
        event
    };
    let orders = ["signed", "imported", "signed", "of a page", "imported", "of a page"];
    server.client.store(&(1..).zip(orders).map(|(number, order)| returned(number, order)).collect::<Vec<_>>());
    let order = json!({"id": "signed", "createdAt": EPOCH, "amount": 5, "status": "new", "products": []});
    let body = json!({"token": "t", "time": EPOCH, "params": order}).to_string();
    assert_eq!(server.client.post_with("/order", &[("x-digest", &digest(&body, "secret"))], &body).status(), 200);
    let owner = basic("t", "secret");
    let headers = [("authorization", owner.as_str())];
    let imported = json!({"id": "imported", "status": "placed", "placed_at": "2021-01-01T00:00:00Z"}).to_string();
    assert_eq!(server.client.post_with("/import/orders", &headers, &imported).status(), 200);
    server.client.store(&[returned(7, "imported"), returned(8, "signed")]);
    let (mut after, mut found) = (String::new(), Vec::new());
    loop {
        let text = server.client.get(&format!("/export/returns?limit=1&after={after}"), &headers).body_mut().read_to_string().unwrap();
        let Some(line) = text.lines().next() else { break };
        let line: Value = serde_json::from_str(line).unwrap();
        found.push(line["id"].clone());
        after = line["cursor"].as_str().unwrap().to_owned();
    }
    assert_eq!(found, [id(4), id(6)]);
    let whole: Vec<Value> = server.client.list_of("t", "secret", "returns").iter().map(|line| line["id"].clone()).collect();
    assert_eq!(whole, found);
}
