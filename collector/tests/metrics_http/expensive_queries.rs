//! Expensive queries: one whose client disconnected ends, because it would keep its place, its memory and the processors until the response
//! timeout; one that needs more memory than is allowed is refused.

use std::io::Write;
use std::net::TcpStream;

use serde_json::{Value, json};
use tillroll_collector::store::Options;

use super::api_client::{ACCEPT, CONTENT_TYPE, import, order, query_with, token, totals, year};
use super::server::{TestServer, until};

/// The elements of each of three arrays of an order. A breakdown by two of them that measures the third joins all with all: 500 billion rows.
const ELEMENTS: usize = 8_000;

fn large_order() -> Value {
    let array = |element: fn(usize) -> Value| (0..ELEMENTS).map(element).collect::<Vec<_>>();
    let mut large = order("1", 1.0);
    large["line_items"] = array(|at| json!({"code": at.to_string()})).into();
    large["tags"] = array(|_| json!({"name": "x"})).into();
    large["refunds"] = array(|_| json!({"amount": 1})).into();
    large
}

#[test]
fn query_ends_when_its_client_disconnects() {
    let server = TestServer::with_clock(
        &["--project", "t:secret", "--answer-timeout", "10m"],
        Options::default(),
        tillroll_collector::clock::Clock::SYSTEM,
    );
    assert_eq!(import(&server.client, "orders", &[large_order()])["accepted"], 1);
    assert_eq!(totals(&server.client)["count"], 1);
    let body = json!({
        "breakdown": {"by": "line_items.code", "field": "refunds.amount", "operator": "sum",
            "breakdown": {"by": "tags.name", "field": "refunds.amount", "operator": "sum"}},
        "filter": {"order": year()},
    });
    let access_token = token(&server.client, "");
    let headers = [ACCEPT, CONTENT_TYPE].map(|(name, value)| format!("{name}: {value}\r\n")).concat();
    let body = body.to_string();
    let request = format!(
        "POST /metrics/orders/breakdown HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {access_token}\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut socket = TcpStream::connect(server.client.url("").replace("http://", "")).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    let running = || server.client.metric("tillroll_metrics_queries");
    until("the query runs", || running() > 0.0);
    drop(socket);
    until("the query has ended", || running() == 0.0);
    let answered = r#"tillroll_requests_total{route="/metrics/{resource}/{query}",status="200"}"#;
    assert!(server.client.metric(answered) < 2.0, "the query was answered");
    assert_eq!(totals(&server.client)["count"], 1);
}

#[test]
fn query_that_needs_more_memory_than_allowed_is_refused_with_a_remedy() {
    if std::env::var_os("TILLROLL_TEST_CLICKHOUSE").is_some() {
        // It has limits of its own.
        return;
    }
    let server = TestServer::with_clock(
        &["--project", "t:secret", "--analytics-memory", "64", "--analytics-temp", "0"],
        Options::default(),
        tillroll_collector::clock::Clock::SYSTEM,
    );
    assert_eq!(import(&server.client, "orders", &[large_order()])["accepted"], 1);
    let body = json!({
        "breakdown": {"by": "line_items.code", "field": "refunds.amount", "operator": "sum"},
        "filter": {"order": year()},
    });
    let (status, response) = query_with(&server.client, &token(&server.client, ""), "orders/breakdown", &body);
    assert_eq!((status, &response["error"]["code"]), (503, &json!("SERVICE_UNAVAILABLE")), "{response}");
    assert!(response["error"]["title"].as_str().unwrap().contains("--analytics-memory"), "{response}");
    assert_eq!(totals(&server.client)["count"], 1);
}
