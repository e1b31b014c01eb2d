//! Who is let in: rates, slow clients, too many connections, and who may read an answer.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;
use tillroll_collector::store::Options;

use crate::server::{Running, basic, id, read_json, view};

fn with(flags: &[&str]) -> Running {
    Running::with(&[&["--project", "t:s", "--project", "u:s"], flags].concat(), Options::default())
}

fn connect(server: &Running) -> TcpStream {
    TcpStream::connect(server.client.url("").replace("http://", "")).unwrap()
}

/// Returns everything that the server sends until it closes the connection.
fn read_all(mut socket: TcpStream) -> String {
    let mut text = Vec::new();
    // A reset is a close as well.
    let _ = socket.read_to_end(&mut text);
    String::from_utf8(text).unwrap()
}

#[test]
fn a_client_that_sends_nothing_or_too_little_is_disconnected() {
    let server = with(&["--header-timeout", "100ms", "--body-timeout", "100ms"]);
    for (sent, answer) in [
        (&b""[..], ""),
        (b"GET /healthz HT", ""),
        (b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n", "HTTP/1.1 200"),
        (b"POST /v2/batch HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{", "HTTP/1.1 408"),
        (b"POST /v2/order HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n", "HTTP/1.1 408"),
    ] {
        let mut socket = connect(&server);
        socket.write_all(sent).unwrap();
        let text = read_all(socket);
        assert!(text.starts_with(answer) && answer.is_empty() == text.is_empty(), "{text}");
    }
}

#[test]
fn who_takes_nothing_of_an_answer_is_let_go() {
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
    let head = format!("GET /export/events HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\n\r\n", basic("t", "s"));
    socket.write_all(head.as_bytes()).unwrap();
    socket.read_exact(&mut [0; 16]).unwrap();
    // What asks is one connection itself.
    crate::server::until("the connection is closed", || server.client.counted("tillroll_connections_open") <= 1.0);
    let text = read_all(socket);
    assert!(text.len() < 30_000_000 && !text.contains(&id(3_999)), "{}", text.len());
}

#[test]
fn a_connection_over_the_limit_gets_503_with_retry_after() {
    let server = with(&["--max-connections", "1"]);
    let mut first = connect(&server);
    first.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    first.read_exact(&mut [0; 12]).unwrap();
    let mut second = connect(&server);
    second.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let text = read_all(second);
    assert!(text.starts_with("HTTP/1.1 503") && text.contains("retry-after: 1") && text.contains("too_many_connections"), "{text}");
    drop(first);
    crate::server::until("there is room again", || {
        let mut third = connect(&server);
        third.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        read_all(third).starts_with("HTTP/1.1 200")
    });
}

#[test]
fn too_long_a_head_is_refused() {
    let server = with(&[]);
    for head in [format!("x: {}\r\n", "y".repeat(400_000)), "x: y\r\n".repeat(80_000)] {
        let mut socket = connect(&server);
        let _ = socket.write_all(format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{head}\r\n").as_bytes());
        let text = read_all(socket);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 431"), "{text}");
    }
}

#[test]
fn an_address_that_asks_too_often_has_to_wait_and_no_other() {
    let server = with(&["--trust-proxy", "--rate-per-address", "1"]);
    let ask = |path: &str, address: &str| {
        let headers = [("x-forwarded-for", address), ("authorization", &basic("t", "s"))];
        server.client.get(path, &headers)
    };
    let statuses: Vec<u16> = (0..20).map(|_| ask("/export/orders", "6.6.6.6, 10.0.0.1").status().as_u16()).collect();
    assert_eq!(statuses[..5], [200; 5]);
    assert!(statuses.contains(&429), "{statuses:?}");
    let post = |address: &str| server.client.post_with("/v2/batch", &[("x-forwarded-for", address)], "{}");
    let mut refused = post("10.0.0.1");
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=5).contains(&wait), "{wait}");
    assert_eq!(refused.headers()["access-control-allow-origin"], "*", "pages must learn how long to wait");
    assert_eq!(read_json(&mut refused)["error"]["code"], "too_many_requests");
    assert_eq!(ask("/healthz", "10.0.0.1").status(), 200, "operators are never refused");
    for other in ["10.0.0.2", "10.0.0.1, 10.0.0.3", "127.0.0.1", "nonsense"] {
        assert_ne!(post(other).status(), 429, "{other}");
    }
}

#[test]
fn a_project_that_is_asked_too_often_has_to_wait_and_no_other() {
    let server = with(&["--rate-per-project", "1"]);
    let send = |token: &str| server.client.post("/v2/batch", &json!({"token": token, "events": []}).to_string());
    let refused = (0..100).map(|_| send("t")).find(|answer| answer.status() == 429).expect("a refusal");
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(send("u").status(), 200);
    assert_eq!(send("unknown").status(), 401);
}

#[test]
fn other_origins_read_only_what_pages_post_to_and_load() {
    let server = with(&["--demo"]);
    for (path, open) in [
        ("/v2/batch", true),
        ("/page/view", true),
        ("/api/track", true),
        ("/tracking.js", true),
        ("/oauth/token", true),
        ("/export/events", false),
        ("/export/customers", false),
        ("/import/orders", false),
        ("/v2/order", false),
        ("/live", false),
        ("/live/events", false),
        ("/metrics", false),
        ("/healthz", false),
        ("/readyz", false),
        ("/", false),
    ] {
        let headers = [("origin", "https://elsewhere.example"), ("host", "elsewhere.example")];
        let posted = ["/v2/", "/page", "/api", "/import", "/oauth"].iter().any(|begin| path.starts_with(begin));
        let answer = if posted { server.client.post_with(path, &headers, "{}") } else { server.client.get(path, &headers) };
        assert_eq!(answer.headers().contains_key("access-control-allow-origin"), open, "{path}");
    }
}

#[test]
fn our_own_pages_load_nothing_from_elsewhere() {
    let server = with(&["--demo"]);
    for path in ["/", "/cart.html", "/live", "/reports"] {
        let answer = server.client.get(path, &[]);
        assert_eq!(answer.status(), 200, "{path}");
        let header = |name: &str| answer.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        let policy = header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{path}: {policy}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        assert!(!header("referrer-policy").is_empty(), "{path}");
    }
}
