//! Request ids, logs without personal data, and metrics.

use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use crate::server::{ServerProcess, TestServer, basic, id, identify, read_json, view};

#[test]
fn response_has_the_clients_request_id_if_valid_else_a_generated_one() {
    let server = TestServer::start();
    let request_id = |sent: &str| {
        let mut response = server.client.post_with("/v2/batch", &[("x-request-id", sent)], "no JSON");
        let header = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        assert_eq!(read_json(&mut response)["error"]["request_id"], header.as_str());
        header
    };
    for valid in ["a", "01890a5d-0000-7000-8000-00000000000a", "trace:1/2+3=4_5.6"] {
        assert_eq!(request_id(valid), valid);
    }
    let long = "x".repeat(129);
    let mut generated: Vec<String> = ["", "two words", "a@x.com", "quote\"", long.as_str()].map(request_id).into();
    assert!(generated.iter().all(|id| !id.contains(['@', ' ', '"']) && id.len() < 40), "{generated:?}");
    generated.sort();
    generated.dedup();
    assert_eq!(generated.len(), 5, "generated ids must be unique");
    assert!(server.client.get("/nowhere", &[]).headers().contains_key("x-request-id"));
}

#[test]
fn json_log_contains_no_secret_and_no_personal_data() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let flags = ["--project", "t0ken:s3cret", "--log-format", "json", "--log-level", "debug"];
    let mut program = ServerProcess::start_with_log(&folder.path().join("data"), &flags, &log);
    let client = &program.client;
    let batch = json!({"token": "t0ken", "events": [view(1, 1, "vis1tor"), identify(2, 2, "vis1tor", "jane@x.com"), {"id": id(3), "type": "jane@x.com"}]});
    client.post_with("/v2/batch?email=jane@x.com", &[("x-request-id", "mine"), ("user-agent", "jane@x.com")], &batch.to_string());
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
    assert!(program.child.wait().unwrap().success());
    let text = std::fs::read_to_string(log).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mine = lines.iter().find(|line| line["request_id"] == "mine").unwrap();
    assert_eq!((&mine["route"], &mine["status"], &mine["method"]), (&json!("/v2/batch"), &json!(200), &json!("POST")), "{mine}");
    assert!(lines.iter().any(|line| line["code"] == "unauthorized"), "{text}");
    for private in ["s3cret", "jane", "x.com", "vis1tor", "127.0.0.1"] {
        assert!(!text.contains(private), "the log contains {private}: {text}");
    }
}

#[test]
fn metrics_report_events_requests_commits_and_resources() {
    let server = TestServer::start();
    server.client.store(&[view(1, 1, "ab")]);
    server.client.store(&[view(1, 1, "ab")]);
    server.client.send(&[json!({"id": id(2)})]);
    for (name, expected) in [
        ("tillroll_events_accepted_total", 1.0),
        ("tillroll_events_duplicate_total", 1.0),
        ("tillroll_events_rejected_total{code=\"missing_field\"}", 1.0),
        ("tillroll_requests_total{route=\"/v2/batch\",status=\"200\"}", 3.0),
        ("tillroll_commit_seconds_count", 2.0),
        ("tillroll_queue_depth", 0.0),
    ] {
        assert_eq!(server.client.metric(name), expected, "{name}");
    }
    assert!(server.client.metric("tillroll_connections_open") >= 1.0);
    assert!(server.client.metric("tillroll_disk_free_bytes") > 0.0);
    assert!(server.client.metric("tillroll_newest_event_age_seconds") < 60.0);
}
