//! What an operator sees of requests: their names, and a log that holds nothing personal.

use std::io::{Read, Write};
use std::net::TcpStream;

use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use crate::server::{Program, Running, basic, id, identify, read_json, view};

#[test]
fn a_request_has_a_name() {
    let server = Running::start();
    let name = |given: &str| {
        let mut answer = server.client.post_with("/v2/batch", &[("x-request-id", given)], "no JSON");
        let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        assert_eq!(read_json(&mut answer)["error"]["request_id"], id.as_str());
        id
    };
    for good in ["a", "01890a5d-0000-7000-8000-00000000000a", "trace:1/2+3=4_5.6"] {
        assert_eq!(name(good), good);
    }
    let long = "x".repeat(129);
    let mut made: Vec<String> = ["", "two words", "a@x.com", "quote\"", long.as_str()].map(name).into();
    assert!(made.iter().all(|name| !name.contains(['@', ' ', '"']) && name.len() < 40), "{made:?}");
    made.sort();
    made.dedup();
    assert_eq!(made.len(), 5);
    assert!(server.client.get("/nowhere", &[]).headers().contains_key("x-request-id"));
}

#[test]
fn the_log_is_structured_and_holds_no_secret_and_nothing_personal() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let flags = ["--project", "t0ken:s3cret", "--log-format", "json", "--log-level", "debug"];
    let program = Program::logged(&folder.path().join("data"), &flags, &log);
    let client = &program.client;
    let batch = json!({"token": "t0ken", "events": [view(1, 1, "vis1tor"), identify(2, 2, "vis1tor", "jane@x.com"), {"id": id(3), "type": "jane@x.com"}]});
    client.post_with("/v2/batch?who=jane@x.com", &[("x-request-id", "mine"), ("user-agent", "jane@x.com")], &batch.to_string());
    client.post_with("/v2/order", &[("x-digest", "s3cret")], &json!({"token": "t0ken", "time": 1, "params": {}}).to_string());
    client.post("/api/track?token=jane@x.com", "{\"user\":{\"email\":\"jane@x.com\"}");
    for (token, secret) in [("t0ken", "s3cret"), ("t0ken", "s3cret-wrong"), ("jane@x.com", "s3cret")] {
        client.get("/export/events?after=jane@x.com", &[("authorization", &basic(token, secret))]);
    }
    client.post_with(
        "/oauth/token",
        &[("content-type", "application/json")],
        &json!({"client_id": "t0ken", "client_secret": "s3cret", "grant_type": "client_credentials"}).to_string(),
    );
    kill_process(program.pid(), Signal::TERM).unwrap();
    let mut program = program;
    assert!(program.child.wait().unwrap().success());
    let text = std::fs::read_to_string(log).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mine = lines.iter().find(|line| line["request_id"] == "mine").unwrap();
    assert_eq!((&mine["route"], &mine["status"], &mine["method"]), (&json!("/v2/batch"), &json!(200), &json!("POST")), "{mine}");
    assert!(lines.iter().any(|line| line["code"] == "unauthorized"), "{text}");
    for personal in ["s3cret", "jane", "x.com", "vis1tor", "127.0.0.1"] {
        assert!(!text.contains(personal), "{personal}: {text}");
    }
}

#[test]
fn a_client_that_does_not_finish_delays_the_end_no_longer_than_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), &["--project", "t:s", "--shutdown-deadline", "100ms"]);
    let address = program.client.url("").replace("http://", "");
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(b"POST /v2/batch HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\nexpect: 100-continue\r\n\r\n").unwrap();
    // Once it asks for the body the request is under way.
    socket.read_exact(&mut [0; 12]).unwrap();
    kill_process(program.pid(), Signal::TERM).unwrap();
    assert!(program.child.wait().unwrap().success());
}

#[test]
fn metrics_have_the_counted_values() {
    let server = Running::start();
    server.client.store(&[view(1, 1, "ab")]);
    server.client.store(&[view(1, 1, "ab")]);
    server.client.send(&[json!({"id": id(2)})]);
    for (name, wanted) in [
        ("tillroll_events_accepted_total", 1.0),
        ("tillroll_events_duplicate_total", 1.0),
        ("tillroll_events_rejected_total{code=\"missing_field\"}", 1.0),
        ("tillroll_requests_total{route=\"/v2/batch\",status=\"200\"}", 3.0),
        ("tillroll_commit_seconds_count", 2.0),
        ("tillroll_queue_depth", 0.0),
    ] {
        assert_eq!(server.client.counted(name), wanted, "{name}");
    }
    assert!(server.client.counted("tillroll_connections_open") >= 1.0);
    assert!(server.client.counted("tillroll_disk_free_bytes") > 0.0);
    assert!(server.client.counted("tillroll_newest_event_age_seconds") < 60.0);
}
