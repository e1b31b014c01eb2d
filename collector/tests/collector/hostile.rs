//! Hostile senders: what a request without a secret may cost, and how it is refused.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};
use tillroll_collector::store::Options;
use tillroll_protocol::limits;

use crate::backend::digest;
use crate::server::{ServerProcess, TestServer, basic, read_json, until, view};

/// Small lists, nested as deep as a parser allows: the JSON whose tree is largest.
fn nested_lists(bytes: usize) -> String {
    let unit = format!("{}{}", "[".repeat(100), "]".repeat(100));
    vec![unit.as_str(); bytes / 201].join(",")
}

fn post(server: &TestServer, path: &str, body: &str) -> (u16, Value) {
    let mut response = server.client.post(path, body);
    (response.status().as_u16(), read_json(&mut response)["error"].clone())
}

fn post_signed(server: &TestServer, path: &str, body: &Value) -> (u16, Value) {
    let body = body.to_string();
    let mut response = server.client.post_with(path, &[("x-digest", &digest(&body, "secret"))], &body);
    (response.status().as_u16(), read_json(&mut response))
}

#[test]
fn unknown_token_is_refused_before_anything_else_of_a_body_is_read() {
    let server = TestServer::start();
    let paths = ["/v2/batch", "/page/view", "/v2/visitor/apply-tags", "/customer", "/v2/customer/batch", "/order"];
    for rest in ["", r#","token":"t""#, r#","time":"soon","params":7,"events":7"#, r#","x":[[[}"#, ",\u{0}"] {
        for path in paths {
            let (status, error) = post(&server, path, &format!(r#"{{"x":{{"token":"t"}},"token":"no-such-token"{rest}"#));
            assert_eq!((status, &error["code"]), (401, &json!("unknown_token")), "{path} {rest}");
        }
    }
    // In a large body the token is found wherever it comes.
    for (token, expected) in [("no-such-token", (401, "unknown_token")), ("t", (400, "not_json"))] {
        let (status, error) = post(&server, "/v2/batch", &format!(r#"{{"x":"{}","token":"{token}",[[["#, "x".repeat(200_000)));
        assert_eq!((status, &error["code"]), (expected.0, &json!(expected.1)), "{token}");
    }
    let (status, error) = post(&server, "/v2/calls", "{:token\u{1f}$no-such-token\u{1f}[[[[}");
    assert_eq!((status, &error["code"]), (401, &json!("unknown_token")));
}

#[test]
fn sender_without_a_project_is_refused_before_anything_of_a_headless_request_is_read() {
    let server = TestServer::start();
    let too_large = " ".repeat(limits::MAX_REQUEST_BYTES + 1);
    for body in ["", "no JSON", "[]", r#"{"scope":"nonsense"}"#, "\u{1f}", &too_large] {
        let (status, error) = post(&server, "/api/track?token=no-such-token", body);
        assert_eq!((status, &error["code"]), (401, &json!("unknown_token")), "{body:.9}");
        for (name, value) in [("x-none", ""), ("authorization", &*basic("t", "wrong"))] {
            let mut response = server.client.post_with("/api/track", &[(name, value)], body);
            let (status, error) = (response.status().as_u16(), read_json(&mut response)["error"].clone());
            assert_eq!((status, &error["code"]), (401, &json!("unauthorized")), "{body:.9}");
        }
    }
    let known = post(&server, "/api/track?token=t", "no JSON");
    assert_eq!((known.0, &known.1["code"]), (400, &json!("not_json")));
}

#[test]
fn body_with_too_many_values_is_rejected_with_the_limit() {
    let server = TestServer::start();
    let lists = nested_lists(1 << 20);
    for path in ["/page/view", "/customer", "/order", "/customer/batch"] {
        let body = format!(r#"{{"token":"t","time":1,"visitorId":"ab","x":[{lists}]}}"#);
        let mut response = server.client.post_with(path, &[("x-digest", &digest(&body, "secret"))], &body);
        let (status, error) = (response.status().as_u16(), read_json(&mut response)["error"].clone());
        assert_eq!((status, &error["code"], &error["limit"]), (413, &json!("too_many_values"), &json!(50_000)), "{path}");
    }
    let batch = json!({"token": "t", "time": 1, "batch": vec![0; 250_001]});
    let (status, response) = post_signed(&server, "/customer/batch", &batch);
    assert_eq!((status, &response["error"]["code"], &response["error"]["limit"]), (413, &json!("too_many_records"), &json!(250_000)));
}

#[test]
fn record_with_too_many_values_does_not_affect_the_others_of_its_batch() {
    let server = TestServer::start();
    let good = json!({"email": "a@x.com", "createdAt": 1});
    let bad = json!({"email": "b@x.com", "createdAt": 1, "more": vec![0; 50_001]});
    let (status, response) = post_signed(&server, "/customer/batch", &json!({"token": "t", "time": 1, "batch": [bad, good]}));
    assert_eq!((status, &response["accepted"], &response["rejected"][0]["code"]), (200, &json!(1), &json!("too_many_values")));
}

#[test]
fn lists_above_their_limit_are_rejected_by_name_and_at_the_limit_accepted() {
    let server = TestServer::start();
    let texts = |count: usize| (0..count).map(|number| number.to_string()).collect::<Vec<_>>();
    let request = |params: Value| json!({"token": "t", "time": 1_518_004_715_732_u64, "params": params});
    let tags = |count| request(json!({"email": "a@x.com", "createdAt": 1, "tags": texts(count)}));
    let lines = |count: usize| {
        let products: Vec<Value> = texts(count).iter().map(|id| json!({"productId": id})).collect();
        request(json!({"id": "1", "createdAt": 1, "amount": 1, "status": "x", "products": products}))
    };
    let categories = |count| request(json!({"id": "1", "name": "n", "price": 1, "categories": texts(count)}));
    let options = |count: usize| {
        let options: Vec<Value> = texts(count).iter().map(|id| json!({"id": id, "name": id})).collect();
        request(json!({"id": "1", "name": "n", "options": options}))
    };
    for (path, field, limit, below, above) in [
        ("/customer", "params.tags", limits::MAX_TAGS, tags(limits::MAX_TAGS), tags(limits::MAX_TAGS + 1)),
        ("/customer/tag", "params.tags", limits::MAX_TAGS, tags(limits::MAX_TAGS), tags(limits::MAX_TAGS + 1)),
        ("/customer/untag", "params.tags", limits::MAX_TAGS, tags(limits::MAX_TAGS), tags(limits::MAX_TAGS + 1)),
        ("/order", "params.products", limits::MAX_LINES, lines(limits::MAX_LINES), lines(limits::MAX_LINES + 1)),
        ("/product", "params.categories", limits::MAX_TAGS, categories(limits::MAX_TAGS), categories(limits::MAX_TAGS + 1)),
        ("/product", "params.options", 2_500, options(2_500), options(2_501)),
    ] {
        assert_eq!(post_signed(&server, path, &below).0, 200, "{path} {field}");
        let (status, response) = post_signed(&server, path, &above);
        let error = &response["error"];
        let found = (status, error["code"].as_str(), error["field"].as_str(), error["limit"].as_u64());
        assert_eq!(found, (400, Some("too_many_elements"), Some(field), Some(limit as u64)), "{path}");
    }
}

#[test]
fn readiness_needs_at_most_one_write_a_second() {
    let server = TestServer::start();
    let before = server.client.metric("tillroll_commit_seconds_count");
    let watch = tillroll_collector::clock::Stopwatch::start();
    for _ in 0..60 {
        assert_eq!(server.client.get("/readyz", &[]).status(), 200);
    }
    let commits = server.client.metric("tillroll_commit_seconds_count") - before;
    assert!(commits <= 2.0 + watch.elapsed().as_secs_f64(), "{commits}");
}

#[test]
fn clients_whose_forwarded_address_cannot_be_read_share_a_rate_limit() {
    let server = TestServer::with(&["--project", "t:secret", "--trust-proxy", "--rate-per-address", "5"], Options::default());
    let limited = |header: &[u8]| {
        let head = [b"GET /export/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Forwarded-For: ", header, b"\r\n\r\n"].concat();
        let mut socket = TcpStream::connect(server.client.url("").replace("http://", "")).unwrap();
        socket.write_all(&head).unwrap();
        let mut text = String::new();
        socket.read_to_string(&mut text).unwrap();
        text.starts_with("HTTP/1.1 429")
    };
    // What the client sent before the proxy's entry changes nothing.
    let forged: [&[u8]; 3] = [b"\xff, 203.0.113.9", b"\xc3\xa4,203.0.113.9", b"203.0.113.9"];
    assert!((0..90).filter(|number| limited(forged[number % 3])).count() >= 30);
    let unreadable: [&[u8]; 3] = [b"\xff", b"unknown", b"203.0.113.8,"];
    assert!((0..90).filter(|number| limited(unreadable[number % 3])).count() >= 30);
    assert!(!limited(b"203.0.113.10"));
}

#[test]
fn metrics_and_unknown_addresses_have_a_rate_limit_and_health_checks_have_none() {
    let server = TestServer::with(&["--project", "t:secret", "--trust-proxy", "--rate-per-address", "1"], Options::default());
    let limited =
        |path: &str, address: &str| (0..40).filter(|_| server.client.get(path, &[("x-forwarded-for", address)]).status() == 429).count();
    assert!(limited("/metrics", "10.0.0.1") > 0 && limited("/nowhere", "10.0.0.2") > 0);
    assert_eq!((limited("/healthz", "10.0.0.3"), limited("/readyz", "10.0.0.3")), (0, 0));
}

#[test]
fn demo_opens_no_page_to_a_request_that_came_through_a_proxy() {
    let status = |server: &TestServer, headers: &str| {
        let mut socket = TcpStream::connect(server.client.url("").replace("http://", "")).unwrap();
        socket.write_all(format!("GET /live HTTP/1.1\r\n{headers}Connection: close\r\n\r\n").as_bytes()).unwrap();
        let mut text = String::new();
        socket.read_to_string(&mut text).unwrap();
        text.get(9..12).map(str::to_owned).unwrap()
    };
    let demo = TestServer::with(&["--project", "t:secret", "--demo"], Options::default());
    for host in ["127.0.0.1:7070", "localhost", "x.localhost", "[::1]:1"] {
        assert_eq!(status(&demo, &format!("Host: {host}\r\n")), "200", "{host}");
    }
    for headers in [
        "Host: localhost\r\nX-Forwarded-For: 198.51.100.7\r\n",
        "Host: localhost\r\nForwarded: for=198.51.100.7\r\n",
        "Host: localhost\r\nX-Real-IP: 198.51.100.7\r\n",
        "Host: localhost\r\nX-Forwarded-Proto: https\r\n",
        "Host: localhost\r\nVia: 1.1 proxy\r\n",
        "Host: localhost\r\nHost: evil.example\r\n",
        "Host: evil.example\r\nHost: localhost\r\n",
        "Host: evil.example\r\n",
        "Host: localhost.evil.example\r\n",
        "Host: evil.example@localhost\r\n",
        "Host: \r\n",
    ] {
        assert_eq!(status(&demo, headers), "401", "{headers}");
    }
    let behind_proxy = TestServer::with(&["--project", "t:secret", "--demo", "--trust-proxy"], Options::default());
    assert_eq!(status(&behind_proxy, "Host: localhost\r\n"), "401");
}

#[test]
fn one_client_cannot_take_all_connections() {
    let server = TestServer::with(&["--project", "t:secret", "--max-connections", "200"], Options::default());
    let address = server.client.url("").replace("http://", "");
    let held: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(&address).unwrap()).collect();
    until("the address has its share", || server.client.get("/healthz", &[]).status() == 503);
    drop(held);
    until("the connections are free again", || server.client.get("/healthz", &[]).status() == 200);
    assert!(server.client.metric("tillroll_connections_refused_total") >= 100.0);
}

#[test]
fn dropped_reports_of_pages_are_summed_up_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut server = ServerProcess::start_with_log(&folder.path().join("data"), &["--project", "t:secret"], &log);
    let body = json!({"token": "t", "events": [], "dropped": 2}).to_string();
    for _ in 0..50 {
        assert_eq!(server.client.post("/v2/batch", &body).status(), 200);
    }
    assert!((server.client.metric("tillroll_page_dropped_total") - 100.0).abs() < 0.5);
    rustix::process::kill_process(server.pid(), rustix::process::Signal::TERM).unwrap();
    assert!(server.child.wait().unwrap().success());
    let text = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("pages dropped events")).collect();
    let sum = |name: &str| -> u64 {
        lines.iter().map(|line| line.split_once(name).unwrap().1.split(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    };
    // A minute may end between two reports: then there are two sums.
    assert!(lines.len() <= 4 && (sum("dropped="), sum("reports=")) == (100, 50), "{lines:?}");
}

#[test]
fn write_ahead_log_that_a_reader_let_grow_is_shortened_afterwards() {
    let server = TestServer::start();
    let log = server.folder.path().join(format!("{}-wal", tillroll_collector::store::FILE));
    let length = || std::fs::metadata(&log).unwrap().len();
    let custom = |number: u64| {
        let mut event = view(number, 1, "ab");
        event["type"] = json!("custom");
        event["params"] = json!({"name": "n", "data": vec!["x".repeat(8_000); 6]});
        event
    };
    let reader = server.database();
    reader.execute_batch("BEGIN; SELECT count(*) FROM segment").unwrap();
    for batch in 0..36 {
        server.client.store(&(0..90).map(|number| custom(batch * 90 + number)).collect::<Vec<_>>());
    }
    assert!(length() > 140 << 20, "{}", length());
    drop(reader);
    let mut number = 100_000;
    until("the log is short", || {
        number += 1;
        server.client.store(&[view(number, 1, "ab")]);
        length() <= 128 << 20
    });
}

#[test]
fn parts_of_a_large_body_are_numbered_as_one() {
    let server = TestServer::start();
    let line = |number: usize| json!({"id": number.to_string(), "name": "x".repeat(2_000)}).to_string();
    let mut lines: Vec<String> = (0..400).map(line).collect();
    lines.insert(150, String::new());
    lines[399] = "not json".into();
    let mut response = server.client.post_with("/import/categories", &[("authorization", &basic("t", "secret"))], &lines.join("\n"));
    let body = read_json(&mut response);
    assert_eq!((&body["accepted"], &body["rejected"][0]["line"], &body["rejected"][1]), (&json!(399), &json!(400), &Value::Null));
    let mut batch: Vec<Value> = (0..400).map(|number| serde_json::from_str(&line(number)).unwrap()).collect();
    batch[399] = json!(7);
    let (status, response) = post_signed(&server, "/category/batch", &json!({"token": "t", "time": 1_518_004_715_732_u64, "batch": batch}));
    assert_eq!((status, &response["accepted"], response["rejected"].as_array().map(Vec::len)), (200, &json!(399), Some(1)));
    assert!(response["rejected"][0]["message"].as_str().unwrap().contains("batch[399]"), "{}", response["rejected"]);
}

fn socket_of(server: &TestServer) -> TcpStream {
    TcpStream::connect(server.client.url("").replace("http://", "")).unwrap()
}

#[test]
fn bodies_that_are_announced_and_not_sent_take_no_room() {
    let server = TestServer::start();
    let heads = ["Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", "Content-Length: 5000000\r\n\r\n{"];
    let held: Vec<TcpStream> = (0..120)
        .map(|number| {
            let mut socket = socket_of(&server);
            socket.write_all(format!("POST /v2/batch HTTP/1.1\r\nHost: x\r\n{}", heads[number % 2]).as_bytes()).unwrap();
            socket
        })
        .collect();
    let body = format!(r#"{{"token":"t","events":[],"x":"{}"}}"#, "a".repeat(4_000_000));
    for _ in 0..3 {
        assert_eq!(server.client.post("/v2/batch", &body).status(), 200);
    }
    drop(held);
}

#[test]
fn bodies_without_a_token_get_little_room_and_leave_that_of_others() {
    let server = TestServer::with(&["--project", "t:secret", "--body-timeout", "10m"], Options::default());
    let part = format!(r#"{{"x":"{}"#, "a".repeat(300_000));
    let mut held: Vec<TcpStream> = Vec::new();
    // Sends all but the last byte of a body without a token.
    let mut hold_one_more = || {
        let mut socket = socket_of(&server);
        let head = format!("POST /v2/batch HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", part.len() + 1);
        socket.write_all(head.as_bytes()).unwrap();
        socket.write_all(part.as_bytes()).unwrap();
        held.push(socket);
    };
    let body = |before: &str| format!(r#"{{{before}"token":"t","events":[]}}"#);
    let pad = format!(r#""x":"{}","#, "a".repeat(1_000_000));
    // A body that finds no room is discarded for good, also if only the probe was in its way: so another one is added before each probe.
    until("the room of one address is used up", || {
        hold_one_more();
        server.client.post("/v2/batch", &body(&pad)).status() == 503
    });
    let known = format!(r#"{{"token":"t",{pad}"events":[]}}"#);
    assert_eq!(server.client.post("/v2/batch", &known).status(), 200);
    assert_eq!(server.client.post("/v2/batch", &body("")).status(), 200);
    drop(held);
    until("the room is free again", || server.client.post("/v2/batch", &body(&pad)).status() == 200);
}

#[test]
fn body_with_an_unknown_token_is_refused_although_it_never_ends() {
    let server = TestServer::with(&["--project", "t:secret", "--body-timeout", "20s"], Options::default());
    let before = std::time::Duration::from_secs(15);
    let watch = tillroll_collector::clock::Stopwatch::start();
    for (path, start) in [("/v2/batch", "{\"token\":\"no\","), ("/customer", "{\"token\":\"no\","), ("/v2/calls", "{:token\u{1f}$no\u{1f}")]
    {
        let body = format!("{start}{}", "[".repeat(300_000));
        let mut response = server.client.post(path, &body);
        assert_eq!((response.status().as_u16(), &read_json(&mut response)["error"]["code"]), (401, &json!("unknown_token")), "{path}");
    }
    assert!(watch.elapsed() < before);
}

#[test]
fn calls_with_too_many_elements_or_entries_are_rejected() {
    let server = TestServer::start();
    let call = |kind: &str, params: &str| {
        format!(
            "{{:time\u{1f}#1518004715732\u{1f}:type\u{1f}${kind}\u{1f}:seed\u{1f}$0a\u{1f}:api\u{1f}$metrilo\u{1f}:url\u{1f}$https://x/\u{1f}:params\u{1f}{params}}}"
        )
    };
    let send = |calls: &str| {
        let body = format!("{{:token\u{1f}$t\u{1f}:visitor\u{1f}$5f2\u{1f}:calls\u{1f}[{calls}]}}");
        let mut response = server.client.post("/v2/calls", &body);
        (response.status().as_u16(), read_json(&mut response))
    };
    let texts = |count: usize| (0..count).map(|number| format!("${number:x}\u{1f}")).collect::<String>();
    let lines = |count: usize| (0..count).map(|number| format!("{{:product_id\u{1f}${number:x}\u{1f}}}")).collect::<String>();
    for (kind, params, code) in [
        ("tag", format!("{{:tags\u{1f}[{}]}}", texts(limits::MAX_TAGS)), None),
        ("tag", format!("{{:tags\u{1f}[{}]}}", texts(limits::MAX_TAGS + 1)), Some("too_many_elements")),
        ("basket_update", format!("{{:lines\u{1f}[{}]}}", lines(limits::MAX_LINES + 1)), Some("too_many_elements")),
    ] {
        let (status, response) = send(&call(kind, &params));
        assert_eq!((status, response["rejected"][0]["code"].as_str()), (200, code), "{kind} {response}");
    }
    let (status, response) = send(&"z".repeat(501));
    assert_eq!((status, response["error"]["code"].as_str()), (413, Some("too_many_events")), "{response}");
}
