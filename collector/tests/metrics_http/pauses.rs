//! While many events arrive, the projection pauses so that requests go first. A query for fresh data ends the pauses.
//!
//! No test depends on the speed of the machine: a pause lasts for a day.

use std::time::Duration;

use serde_json::{Value, json};
use tillroll_collector::http::server::Options;
use tillroll_collector::projection::Pace;

use super::FLAGS;
use super::api_client::{ACCEPT, CONTENT_TYPE, decade, query, send, token};
use super::server::{Client, TestServer, clock, id, until};

const A_DAY: Duration = Duration::from_secs(86_400);

/// The projection pauses after each step during which an event arrived.
const ENDLESS_PAUSES: Pace =
    Pace { batch_delay: Duration::ZERO, idle_interval: A_DAY, pause_factor: u32::MAX, min_arrived: 1, max_pause: A_DAY };

/// 10 June 2021, 10:00 UTC, in milliseconds since 1970.
const TEN_OCLOCK_MS: u64 = 1_623_319_200_000;

fn store(client: &Client, number: u64) {
    let event = json!({"id": id(number), "type": "product_view", "api": "tillroll", "time": TEN_OCLOCK_MS + number, "visitorId": "ab",
        "params": {"product_id": "p"}});
    assert_eq!(client.store(&[event]), (1, 0));
}

fn count() -> Value {
    json!({"stats": {"field": "event.id", "operator": "value_count"}, "filter": {"event": decade()}})
}

/// Returns the number of events that a query shows which does not wait for fresh data.
fn shown(client: &Client) -> u64 {
    let authorization = format!("Bearer {}", token(client, ""));
    let headers = [ACCEPT, CONTENT_TYPE, ("authorization", &authorization)];
    let (status, response) = send(client, "POST", "/metrics/events/stats", &headers, &count().to_string());
    assert_eq!(status, 200, "{response}");
    // Without events there is no value.
    response["data"]["value"].as_u64().unwrap_or_default()
}

#[test]
fn projection_pauses_while_events_arrive_until_a_query_asks_for_fresh_data() {
    if std::env::var_os("TILLROLL_TEST_CLICKHOUSE").is_some() {
        // It does its work elsewhere, so nothing pauses.
        return;
    }
    let server = TestServer::open(FLAGS, Options { pace: ENDLESS_PAUSES, ..Options::default() }, clock());
    let client = &server.client;
    let pauses = || client.metric("tillroll_projection_pauses_total");
    let mut stored = 0;
    until("an event arrives during a step", || {
        stored += 1;
        store(client, stored);
        pauses() > 0.0
    });
    let before = shown(client);
    assert!(before < stored, "{before} of {stored}");
    for number in 1..=20 {
        store(client, stored + number);
    }
    stored += 20;
    assert_eq!((shown(client), pauses()), (before, 1.0));
    assert_eq!(query(client, "events/stats", &count())["data"]["value"], stored);
}
