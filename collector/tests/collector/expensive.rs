//! Cheap requests go before the rest of expensive ones, and imports of records do not pause.
//!
//! No test depends on the speed of the machine: a pause lasts as long as there are cheap requests, or there is none.

use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;

use serde_json::{Value, json};
use tillroll_collector::store::{ExpensiveShare, Options};

use crate::server::{TestServer, basic, id, read_json, until, view};

/// The events of an expensive request. It is stored in several commits.
const BASKETS: u64 = 500;

/// How many of them one commit stores at most while cheap requests come.
const BASKETS_OF_A_COMMIT: u64 = 20;

/// When the orders of an import were placed.
const DAY: &str = "2021-01-01T00:00:00Z";

const A_DAY: Duration = Duration::from_secs(86_400);

/// After an expensive commit that is not of an import, expensive requests pause.
const ENDLESS_PAUSE: ExpensiveShare = ExpensiveShare { pause_factor: u32::MAX, max_wait: A_DAY, cheap_interval: A_DAY };

/// The server drops requests that pause when it stops.
fn with_endless_pause() -> TestServer {
    let options = Options { expensive_share: ENDLESS_PAUSE, ..Options::default() };
    TestServer::with(&["--project", "t:secret", "--shutdown-deadline", "1s"], options)
}

fn baskets(first: u64) -> Vec<Value> {
    let basket = |number: u64| {
        json!({"id": id(number), "type": "basket_add", "api": "metrilo", "time": 1, "visitorId": format!("v{number}"),
            "params": {"product_id": "p", "quantity": 1}})
    };
    (first..first + BASKETS).map(basket).collect()
}

/// Sends an expensive request from another thread. Its end arrives at the receiver.
fn send_baskets(server: &TestServer, first: u64) -> Receiver<()> {
    let (sender, answered) = channel();
    let client = server.client.clone();
    std::thread::spawn(move || {
        let body = json!({"token": "t", "events": baskets(first)}).to_string();
        let _ = client.try_post("/v2/batch", &body);
        let _ = sender.send(());
    });
    answered
}

fn stored_baskets(server: &TestServer) -> u64 {
    server.client.export("").iter().filter(|event| event["type"] == "basket_add").count() as u64
}

#[test]
fn cheap_request_is_stored_before_the_rest_of_an_expensive_one() {
    let server = TestServer::with(&["--project", "t:secret"], Options { busy_timeout: Duration::from_secs(30), ..Options::default() });
    let other_process = server.database();
    other_process.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (sender, stored) = channel();
    for (waiting, events) in (1..).zip([baskets(0), vec![view(1_000, 1, "ab")]]) {
        let (client, sender) = (server.client.clone(), sender.clone());
        std::thread::spawn(move || sender.send(client.store(&events).0).unwrap());
        until("the request waits", || server.collector.store.waiting() == waiting);
    }
    other_process.execute_batch("ROLLBACK").unwrap();
    assert_eq!([stored.recv().unwrap(), stored.recv().unwrap()], [1, BASKETS]);
}

#[test]
fn expensive_request_pauses_after_each_commit_while_cheap_ones_come() {
    let server = with_endless_pause();
    let cheap = |number: u64| assert_eq!(server.client.store(&[view(number, 1, "ab")]), (1, 0));
    cheap(1_000);
    let answered = send_baskets(&server, 0);
    until("the first commit of the expensive request", || stored_baskets(&server) > 0);
    let first_commit = stored_baskets(&server);
    assert!(first_commit <= BASKETS_OF_A_COMMIT, "{first_commit}");
    // Without a pause, each of them would let one more part pass: there are fewer parts.
    (1_001..1_101).for_each(cheap);
    assert_eq!((stored_baskets(&server), answered.try_recv()), (first_commit, Err(TryRecvError::Empty)));
}

#[test]
fn commit_beside_cheap_requests_stores_a_part_of_one_expensive_request() {
    let options = Options { expensive_share: ENDLESS_PAUSE, busy_timeout: Duration::from_secs(30), ..Options::default() };
    let server = TestServer::with(&["--project", "t:secret", "--shutdown-deadline", "1s"], options);
    let other_process = server.database();
    other_process.execute_batch("BEGIN IMMEDIATE").unwrap();
    let client = server.client.clone();
    let cheap = std::thread::spawn(move || assert_eq!(client.store(&[view(10_000, 1, "ab")]), (1, 0)));
    until("the cheap request waits", || server.collector.store.waiting() == 1);
    let answered = [1, 2, 3].map(|number| {
        let answered = send_baskets(&server, number * BASKETS);
        until("the expensive request waits", || server.collector.store.waiting() as u64 == 1 + number);
        answered
    });
    other_process.execute_batch("ROLLBACK").unwrap();
    cheap.join().unwrap();
    until("the first commit of an expensive request", || stored_baskets(&server) > 0);
    assert!(stored_baskets(&server) <= BASKETS_OF_A_COMMIT, "{}", stored_baskets(&server));
    drop(server);
    answered.iter().for_each(|answered| answered.recv().unwrap());
}

#[test]
fn expensive_request_does_not_pause_without_cheap_ones() {
    let server = with_endless_pause();
    // The first health check is a write, and no load.
    assert_eq!(server.client.get("/readyz", &[]).status(), 200);
    assert!(server.client.metric("tillroll_commit_seconds_count") > 0.5);
    assert_eq!(server.client.store(&baskets(0)), (BASKETS, 0));
}

#[test]
fn imports_of_records_do_not_pause_while_cheap_requests_come() {
    let record = |resource: &str, number: u64| match resource {
        "orders" => json!({"id": number.to_string(), "status": "placed", "placed_at": DAY, "current_date": DAY}),
        "customers" => json!({"email": format!("{number}@x.com"), "first_name": "Jo"}),
        _ => json!({"id": number.to_string(), "name": "Hat"}),
    };
    for resource in ["orders", "customers", "categories", "products"] {
        let server = with_endless_pause();
        assert_eq!(server.client.store(&[view(1_000, 1, "ab")]), (1, 0));
        let before = server.client.metric("tillroll_commit_seconds_count");
        let lines: String = (0..4_000).map(|number| format!("{}\n", record(resource, number))).collect();
        let path = format!("/import/{resource}");
        let mut response = server.client.post_with(&path, &[("authorization", &basic("t", "secret"))], &lines);
        assert_eq!(read_json(&mut response)["accepted"], 4_000, "{resource}");
        let commits = server.client.metric("tillroll_commit_seconds_count") - before;
        assert!(commits >= 2.0, "one transaction has no pause after it: {commits}");
        // Nor does an expensive request pause because of it.
        let answered = send_baskets(&server, 0);
        until("the first commit of the expensive request", || stored_baskets(&server) > 0);
        drop(server);
        answered.recv().unwrap();
    }
}

#[test]
fn only_expensive_requests_after_a_log_that_was_too_long_are_stored() {
    let server = TestServer::with(&["--project", "t:secret"], Options { busy_timeout: Duration::from_secs(30), ..Options::default() });
    let database = server.database();
    database.execute_batch("PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = OFF").unwrap();
    for round in 0..4 {
        // More than the log may have: the server empties it after its next commit.
        database.execute_batch("REPLACE INTO disk_probe (singleton, bytes) VALUES (1, zeroblob(140 << 20))").unwrap();
        for number in 0..2 {
            let line = json!({"id": format!("{round}-{number}"), "name": "Hat"}).to_string();
            let mut response = server.client.post_with("/import/products", &[("authorization", &basic("t", "secret"))], &line);
            assert_eq!(read_json(&mut response)["accepted"], 1, "{round} {number}");
        }
    }
}
