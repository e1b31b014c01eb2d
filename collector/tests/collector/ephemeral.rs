//! `tillroll serve --ephemeral`, which the tests of a shop start.

use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use crate::server::{Client, ServerProcess, TestServer, id, run_program, view};

fn list(client: &Client, path: &str) -> Vec<Value> {
    let mut response = client.get(path, &[]);
    assert_eq!((response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()), (200, "application/json"));
    serde_json::from_str(&response.body_mut().read_to_string().unwrap()).unwrap()
}

fn send(client: &Client, events: &[Value]) {
    let body = json!({"token": "test", "events": events}).to_string();
    assert_eq!(client.post("/v2/batch", &body).status().as_u16(), 200);
}

#[test]
fn stored_and_rejected_events_are_listed_until_the_reset() {
    let program = ServerProcess::start_ephemeral(&[]);
    let client = &program.client;
    let mut nonsense = view(2, 2, "ab");
    nonsense["type"] = json!("nonsense");
    send(client, &[view(1, 1, "ab"), nonsense]);
    let ids = |events: Vec<Value>| -> Vec<String> { events.iter().map(|event| event["id"].as_str().unwrap().into()).collect() };
    assert_eq!(ids(list(client, "/test/events")), [id(1)]);
    assert_eq!(list(client, "/test/rejected")[0]["code"], "unknown_type");
    assert_eq!(list(client, "/test/events?token=test").len(), 1);
    assert_eq!(client.get("/test/events?token=other", &[]).status().as_u16(), 401);

    assert_eq!(client.post("/test/reset", "").status().as_u16(), 204);
    assert_eq!((list(client, "/test/events"), list(client, "/test/rejected")), (vec![], vec![]));
    // The id of an event before the reset is still a duplicate.
    send(client, &[view(1, 1, "ab"), view(3, 3, "ab")]);
    assert_eq!(ids(list(client, "/test/events")), [id(3)]);
}

#[test]
fn each_start_is_empty_and_its_folder_is_deleted() {
    let temporary = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tillroll"));
        let mut program =
            ServerProcess::spawn(command.env("TMPDIR", temporary.path()).args(["serve", "--ephemeral"]), std::process::Stdio::null());
        assert_eq!(list(&program.client, "/test/events"), [] as [Value; 0]);
        send(&program.client, &[view(1, 1, "ab")]);
        assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 1);
        kill_process(program.pid(), Signal::TERM).unwrap();
        assert!(program.child.wait().unwrap().success());
        assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_lasting_collector_has_no_test_routes() {
    let server = TestServer::start();
    for path in ["/test/events", "/test/rejected", "/test/reset"] {
        assert_eq!(server.client.get(path, &[]).status().as_u16(), 404, "{path}");
    }
}

#[test]
fn settings_of_a_lasting_collector_are_refused_wherever_they_are_given() {
    let given = [
        ("--data", "TILLROLL_DATA", "x"),
        ("--log", "TILLROLL_LOG", "nats://127.0.0.1:1"),
        ("--analytics", "TILLROLL_ANALYTICS", "clickhouse://u@127.0.0.1:1/d"),
        ("--forward-ometria", "TILLROLL_FORWARD_OMETRIA", "http://127.0.0.1:1/"),
    ];
    for (flag, variable, value) in given {
        let (succeeded, _, log) = run_program(&["serve", "--ephemeral", flag, value]);
        assert!(!succeeded && log.contains(&format!("cannot be used with the flag {flag}:")), "{log}");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tillroll"));
        let output = command.args(["serve", "--ephemeral"]).env(variable, value).output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && log.contains(&format!("cannot be used with the variable {variable}:")), "{log}");
    }
}
