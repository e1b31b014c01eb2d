//! Admission control: timeouts of slow clients, the connection limit, the size of request heads, and rate limits.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;
use tillroll_collector::store::Options;

use crate::server::{TestServer, basic, id, read_json, until, view};

fn with(flags: &[&str]) -> TestServer {
    TestServer::with(&[&["--project", "t:secret", "--project", "u:secret"], flags].concat(), Options::default())
}

fn connect(server: &TestServer) -> TcpStream {
    TcpStream::connect(server.client.url("").replace("http://", "")).unwrap()
}

/// Returns everything that the server sends until it closes the connection.
fn read_to_close(mut socket: TcpStream) -> String {
    let mut text = Vec::new();
    // A reset is a close too.
    let _ = socket.read_to_end(&mut text);
    String::from_utf8(text).unwrap()
}

#[test]
fn client_that_sends_too_slowly_is_disconnected() {
    let server = with(&["--header-timeout", "100ms", "--body-timeout", "100ms"]);
    for (request, expected) in [
        (&b""[..], ""),
        (b"GET /healthz HT", ""),
        (b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n", "HTTP/1.1 200"),
        (b"POST /v2/batch HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{", "HTTP/1.1 408"),
        (b"POST /v2/order HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n", "HTTP/1.1 408"),
    ] {
        let mut socket = connect(&server);
        socket.write_all(request).unwrap();
        let text = read_to_close(socket);
        assert!(text.starts_with(expected) && expected.is_empty() == text.is_empty(), "{text}");
    }
}

#[test]
fn client_that_does_not_read_the_response_is_disconnected() {
    let server = with(&["--send-timeout", "100ms"]);
    let event = |number| {
        let mut event = view(number, 1, "ab");
        event["params"]["data"] = json!({"text": "x".repeat(8_000)});
        event
    };
    for batch in 0..8 {
        server.client.store(&(0..500).map(|number| event(batch * 500 + number)).collect::<Vec<_>>());
    }
    let mut socket = connect(&server);
    let head = format!("GET /export/events HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\n\r\n", basic("t", "secret"));
    socket.write_all(head.as_bytes()).unwrap();
    socket.read_exact(&mut [0; 16]).unwrap();
    // The metrics request is one connection itself.
    until("the connection is closed", || server.client.metric("tillroll_connections_open") <= 1.0);
    let text = read_to_close(socket);
    assert!(text.len() < 30_000_000 && !text.contains(&id(3_999)), "{}", text.len());
}

#[test]
fn request_whose_response_takes_too_long_gets_503_with_retry_after() {
    let options = Options { busy_timeout: std::time::Duration::from_secs(30), ..Options::default() };
    let server = TestServer::with(&["--project", "t:secret", "--answer-timeout", "100ms"], options);
    let body = json!({"token": "t", "events": [view(1, 1, "ab")]}).to_string();
    let other_process = server.database();
    other_process.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut late = server.client.post("/v2/batch", &body);
    assert_eq!((late.status().as_u16(), late.headers().contains_key("retry-after")), (503, true));
    assert_eq!(late.headers()["access-control-allow-origin"], "*", "pages must be able to read retry-after");
    assert_eq!(read_json(&mut late)["error"]["code"], "answer_too_slow");
    other_process.execute_batch("ROLLBACK").unwrap();
    until("the page's next attempt succeeds", || server.client.post("/v2/batch", &body).status() == 200);
    assert_eq!(server.client.list_of("t", "secret", "events").len(), 1);
}

#[test]
fn connection_above_the_maximum_gets_503_with_retry_after() {
    let server = with(&["--max-connections", "1"]);
    let mut first = connect(&server);
    first.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    first.read_exact(&mut [0; 12]).unwrap();
    let mut second = connect(&server);
    second.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let text = read_to_close(second);
    assert!(text.starts_with("HTTP/1.1 503") && text.contains("retry-after: 1") && text.contains("too_many_connections"), "{text}");
    drop(first);
    until("the server accepts connections again", || {
        let mut third = connect(&server);
        third.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        read_to_close(third).starts_with("HTTP/1.1 200")
    });
}

#[test]
fn request_head_above_the_size_limit_is_rejected() {
    let server = with(&[]);
    for head in [format!("x: {}\r\n", "y".repeat(400_000)), "x: y\r\n".repeat(80_000)] {
        let mut socket = connect(&server);
        let _ = socket.write_all(format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{head}\r\n").as_bytes());
        let text = read_to_close(socket);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 431"), "{text}");
    }
}

#[test]
fn address_above_its_rate_limit_gets_429_and_other_addresses_do_not() {
    let server = with(&["--trust-proxy", "--rate-per-address", "1"]);
    let get = |path: &str, address: &str| {
        let headers = [("x-forwarded-for", address), ("authorization", &basic("t", "secret"))];
        server.client.get(path, &headers)
    };
    let statuses: Vec<u16> = (0..20).map(|_| get("/export/orders", "6.6.6.6, 10.0.0.1").status().as_u16()).collect();
    assert_eq!(statuses[..5], [200; 5]);
    assert!(statuses.contains(&429), "{statuses:?}");
    let post = |address: &str| server.client.post_with("/v2/batch", &[("x-forwarded-for", address)], "{}");
    let mut limited = post("10.0.0.1");
    let retry_after: u64 = limited.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=5).contains(&retry_after), "{retry_after}");
    assert_eq!(limited.headers()["access-control-allow-origin"], "*", "pages must be able to read retry-after");
    assert_eq!(read_json(&mut limited)["error"]["code"], "too_many_requests");
    assert_eq!(get("/healthz", "10.0.0.1").status(), 200, "health checks have no rate limit");
    for other in ["10.0.0.2", "10.0.0.1, 10.0.0.3", "127.0.0.1", "nonsense"] {
        assert_ne!(post(other).status(), 429, "{other}");
    }
}

#[test]
fn project_above_its_rate_limit_gets_429_and_other_projects_do_not() {
    let server = with(&["--rate-per-project", "1"]);
    let send = |token: &str| server.client.post("/v2/batch", &json!({"token": token, "events": []}).to_string());
    let limited = (0..100).map(|_| send("t")).find(|response| response.status() == 429).expect("no request was limited");
    assert!(limited.headers().contains_key("retry-after"));
    assert_eq!(send("u").status(), 200);
    assert_eq!(send("unknown").status(), 401);
}
