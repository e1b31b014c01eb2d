//! Times of events and records whose senders' clocks are off, at every way in which they arrive.

use serde_json::{Value, json};

use crate::backend::digest;
use crate::server::{EPOCH, TestServer, basic, clock, id, read_json, view};

const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;
const YEAR: u64 = 365 * DAY;

/// Sends a batch with a time of sending; returns the exported times of its events less the times of their receipt.
fn stored_ages(server: &TestServer, sent_at: Option<u64>, times: &[u64]) -> Vec<i64> {
    let before = server.client.export("").len();
    let event = |(at, time): (usize, &u64)| {
        let mut event = view((before + at) as u64, 0, "ab");
        event["time"] = json!(time);
        event
    };
    let events: Vec<Value> = times.iter().enumerate().map(event).collect();
    let mut response = server.client.post("/v2/batch", &json!({"token": "t", "sentAt": sent_at, "events": events}).to_string());
    assert_eq!(read_json(&mut response)["accepted"], json!(times.len()));
    let age = |event: &Value| event["received_at"].as_i64().unwrap() - event["time"].as_i64().unwrap();
    server.client.export("")[before..].iter().map(age).collect()
}

#[test]
fn page_times_are_corrected_by_the_time_of_sending() {
    let server = TestServer::start();
    let now = clock().millis();
    for (sent_at, times, expected) in [
        (None, vec![now - 5_000, now + YEAR, 5, (1 << 53) - 1], [5_000, 0, 0, 0]),
        (Some(now + YEAR), vec![now + YEAR, now + YEAR - 5_000, now + YEAR + 9, now], [0, 5_000, 0, 0]),
        (
            Some(now - 10 * YEAR),
            vec![now - 10 * YEAR - 5_000, now - 10 * YEAR, now - 10 * YEAR - 30 * DAY, 5],
            [5_000, 0, 30 * DAY as i64, 0],
        ),
        (
            Some(now - MINUTE / 2),
            vec![now - MINUTE, now - 31 * DAY + MINUTE, now - 32 * DAY, now],
            [MINUTE as i64, 31 * DAY as i64 - MINUTE as i64, 0, 0],
        ),
    ] {
        let ages = stored_ages(&server, sent_at, &times);
        // The test and the server read the clock at different times.
        let is_near = |(age, expected): (&i64, &i64)| (age - expected).unsigned_abs() < 30_000;
        assert!(ages.iter().zip(&expected).all(is_near), "{sent_at:?}: {ages:?} {expected:?}");
        assert!(ages.iter().all(|age| (0..=31 * DAY as i64).contains(age)), "{ages:?}");
    }
}

#[test]
fn no_entrance_stores_a_time_from_the_future() {
    let server = TestServer::start();
    let future = clock().millis() + 5 * YEAR;
    let owner = basic("t", "secret");
    let signed = |body: &Value| [("x-digest".to_owned(), digest(&body.to_string(), "secret"))];
    let calls = {
        let texts = [("type", "checkout"), ("seed", &*"01".repeat(21)), ("api", "metrilo"), ("url", "https://shop.test/")];
        let members: String = texts.iter().map(|(name, text)| format!(":{name}\u{1f}${text}\u{1f}")).collect();
        format!("{{:token\u{1f}$t\u{1f}:visitor\u{1f}$5f2\u{1f}:calls\u{1f}[{{:time\u{1f}#{future}\u{1f}{members}:params\u{1f}{{}}}}]}}")
    };
    let post = |path: &str, headers: &[(String, String)], body: &str| {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut response = server.client.post_with(path, &headers, body);
        assert_eq!(response.status(), 200, "{path}: {}", read_json(&mut response));
    };
    let customer = json!({"token": "t", "time": future, "params": {"email": "ana@x.com", "createdAt": future, "firstName": "Anna"}});
    let order =
        json!({"token": "t", "time": future, "params": {"id": "1", "createdAt": future, "amount": 1, "status": "new", "products": []}});
    let owned = [("authorization".to_owned(), owner)];
    post("/v2/calls", &[], &calls);
    post("/v1/checkout", &[], &json!({"token": "t", "time": future, "visitorId": "ab", "params": {}}).to_string());
    post("/v2/customer", &signed(&customer), &customer.to_string());
    post("/v2/order", &signed(&order), &order.to_string());
    post(
        "/import/events",
        &owned,
        &json!({"id": id(1), "type": "checkout", "api": "tillroll", "time": future, "visitor_id": "ab", "params": {}}).to_string(),
    );
    post("/import/customers", &owned, &json!({"email": "jo@x.com", "createdAt": future}).to_string());
    post(
        "/import/orders",
        &owned,
        &json!({"id": "2", "status": "placed", "placed_at": "2040-01-01T00:00:00Z", "created_at": "2040-01-01T00:00:00Z"}).to_string(),
    );
    let now = clock().millis();
    let events = server.client.export("");
    assert!(events.len() >= 3 && events.iter().all(|event| event["time"].as_u64().unwrap() <= now), "{events:?}");
    for list in ["customers", "orders"] {
        let records = server.client.list_of("t", "secret", list);
        assert!(
            records.len() == 2 && records.iter().all(|record| record["createdAt"].as_u64().is_some_and(|time| time <= now)),
            "{records:?}"
        );
    }
    // What is written afterwards wins.
    let later = json!({"token": "t", "time": clock().millis(), "params": {"email": "ana@x.com", "createdAt": 1, "firstName": "Ana"}});
    post("/v2/customer", &signed(&later), &later.to_string());
    let customers = server.client.list_of("t", "secret", "customers");
    assert!(customers.iter().any(|customer| customer["firstName"] == "Ana"), "{customers:?}");
}

#[test]
fn old_times_of_servers_stay_and_other_units_are_rejected_by_name() {
    let server = TestServer::start();
    let owner = [("authorization", &*basic("t", "secret"))];
    let imported = json!({"id": id(1), "type": "checkout", "api": "tillroll", "time": 5, "visitor_id": "ab", "params": {}}).to_string();
    assert_eq!(server.client.post_with("/import/events", &owner, &imported).status(), 200);
    assert_eq!(server.client.export("")[0]["time"], 5);
    for (unit, factor) in [("microseconds", 1_000), ("nanoseconds", 1_000_000)] {
        let time = EPOCH * factor;
        let event = imported.replace("\"time\":5", &format!("\"time\":{time}"));
        let customer = json!({"email": "jo@x.com", "createdAt": time}).to_string();
        for (path, line) in [
            ("/import/events", event),
            ("/import/customers", customer),
            ("/import/orders", json!({"id": "1", "createdAt": time}).to_string()),
        ] {
            let response = read_json(&mut server.client.post_with(path, &owner, &line));
            assert!(response["rejected"][0]["message"].as_str().is_some_and(|message| message.contains(unit)), "{path}: {response}");
        }
        let body = json!({"token": "t", "time": EPOCH, "params": {"email": "jo@x.com", "createdAt": time}}).to_string();
        let response = read_json(&mut server.client.post_with("/v2/customer", &[("x-digest", &digest(&body, "secret"))], &body));
        assert!(response["error"]["message"].as_str().is_some_and(|message| message.contains(unit)), "{response}");
    }
}

#[test]
fn order_of_1969_is_exported_and_imported_again() {
    let server = TestServer::start();
    let owner = [("authorization", &*basic("t", "secret"))];
    let order =
        json!({"id": "1", "status": "placed", "created_at": "1969-12-31T22:00:00Z", "placed_at": "1969-12-31T22:00:00Z"}).to_string();
    assert_eq!(read_json(&mut server.client.post_with("/import/orders", &owner, &order))["accepted"], 1);
    let exported = server.client.list_of("t", "secret", "orders");
    let again = read_json(&mut server.client.post_with("/import/orders", &owner, &exported[0].to_string()));
    assert_eq!((&again["accepted"], &again["rejected"]), (&json!(1), &json!([])));
}
