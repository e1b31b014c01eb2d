//! A store that cannot read or write: the collector acknowledges nothing, and continues when the failure is over.

use std::time::Duration;

use serde_json::json;
use tillroll_collector::store::{Limits, Options};

use crate::server::{TestServer, basic, read_json, view};

fn short_timeout() -> Options {
    Options { busy_timeout: Duration::from_millis(20), ..Options::default() }
}

#[test]
fn locked_store_acknowledges_nothing_and_recovers_without_restart() {
    let server = TestServer::with(&["--project", "t:secret"], short_timeout());
    let other_process = server.database();
    other_process.execute_batch("BEGIN IMMEDIATE").unwrap();
    for _ in 0..2 {
        let mut response = server.client.send(&[view(1, 1, "ab")]);
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "5");
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        assert_eq!(read_json(&mut response)["error"]["code"], "cannot_store");
        assert_eq!(server.client.get("/readyz", &[]).status(), 503);
        assert_eq!(server.client.get("/healthz", &[]).status(), 200);
    }
    assert_eq!(server.client.export("").len(), 0);
    other_process.execute_batch("ROLLBACK").unwrap();
    assert_eq!(server.client.store(&[view(1, 1, "ab")]), (1, 0));
    assert_eq!(server.client.get("/readyz", &[]).status(), 200);
}

#[test]
fn request_gets_503_with_retry_after_when_the_queue_is_full() {
    let limits = Limits { requests: 1, ..Limits::default() };
    let options = Options { busy_timeout: Duration::from_secs(30), limits, ..Options::default() };
    let server = TestServer::with(&["--project", "t:secret"], options);
    let other_process = server.database();
    other_process.execute_batch("BEGIN IMMEDIATE").unwrap();
    // The writing thread holds one request and the queue another, so at least one of three is rejected immediately.
    let (sender, responses) = std::sync::mpsc::channel();
    for number in 1..=3 {
        let (sender, client) = (sender.clone(), server.client.clone());
        std::thread::spawn(move || drop(sender.send(client.send(&[view(number, 1, "ab")]))));
    }
    let mut first = responses.recv().unwrap();
    assert_eq!((first.status().as_u16(), first.headers()["retry-after"].to_str().unwrap()), (503, "1"));
    assert_eq!(read_json(&mut first)["error"]["code"], json!("queue_full"));
    other_process.execute_batch("ROLLBACK").unwrap();
    let later: Vec<u16> = responses.iter().take(2).map(|response| response.status().as_u16()).collect();
    let stored = later.iter().filter(|&&status| status == 200).count();
    assert_eq!(server.client.export("").len(), stored);
    assert!(stored >= 1);
}

#[test]
fn hundred_concurrent_requests_need_at_most_two_commits() {
    let server = TestServer::with(&["--project", "t:secret"], Options { busy_timeout: Duration::from_secs(30), ..Options::default() });
    let before = server.client.metric("tillroll_commit_seconds_count");
    let other_process = server.database();
    other_process.execute_batch("BEGIN IMMEDIATE").unwrap();
    let senders: Vec<_> = (1..=100)
        .map(|number| {
            let client = server.client.clone();
            std::thread::spawn(move || client.store(&[view(number, 1, "ab")]))
        })
        .collect();
    while server.collector.store.waiting() < 100 {
        std::thread::yield_now();
    }
    other_process.execute_batch("ROLLBACK").unwrap();
    for sender in senders {
        assert_eq!(sender.join().unwrap(), (1, 0));
    }
    // One commit for the requests that the writing thread held when it met the lock, one for all the others.
    let commits = server.client.metric("tillroll_commit_seconds_count") - before;
    assert!(commits <= 2.0, "{commits} commits");
}

#[test]
fn damaged_segment_fails_reads_with_503_and_writes_continue() {
    let server = TestServer::start();
    for number in 1..=3 {
        server.client.store(&[view(number, 1, "ab")]);
    }
    let after_damage = server.client.export("")[1]["cursor"].as_str().unwrap().to_owned();
    server.database().execute("UPDATE segment SET body = x'05ff' WHERE last_seq = 2", []).unwrap();
    let get_status = |path: &str| server.client.get(path, &[("authorization", &basic("t", "secret"))]).status().as_u16();
    assert_eq!((get_status("/export/events"), get_status("/readyz")), (503, 200));
    assert_eq!(server.client.delete("/customers/a@x.com", &[("authorization", &basic("t", "secret"))]).status(), 503);
    assert_eq!(server.client.store(&[view(4, 1, "ab")]), (1, 0));
    assert_eq!(server.client.export(&format!("?after={after_damage}")).len(), 2);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let trimmed = runtime.block_on(server.collector.store.trim(u64::MAX, 500)).unwrap();
    assert_eq!((trimmed.deleted, server.client.export("").len()), (3, 0));
}

/// Simulates a full disk with a file size limit: the operating system rejects further writes.
#[cfg(target_os = "linux")]
#[test]
fn full_disk_acknowledges_nothing_and_recovers_without_restart() {
    use rustix::process::{Resource, Rlimit, prlimit};

    let folder = tempfile::tempdir().unwrap();
    // Without the trap the operating system kills the process instead of failing the write.
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" serve \"$@\"", env!("CARGO_BIN_EXE_tillroll")]);
    let program = crate::server::ServerProcess::run(&mut command, folder.path(), &["--project", "t:secret"]);
    let limit = |bytes: Option<u64>| {
        let limit = Rlimit { current: bytes, maximum: None };
        prlimit(Some(program.pid()), Resource::Fsize, limit).unwrap();
    };
    limit(Some(400 * 1024));
    let mut acknowledged = 0;
    let status = loop {
        let events: Vec<_> = (0..100).map(|at| view(acknowledged + at, 1, "ab")).collect();
        let response = program.client.send(&events);
        if response.status() != 200 {
            break response.status();
        }
        acknowledged += 100;
    };
    assert_eq!(status, 503);
    assert_eq!(program.client.export("").len() as u64, acknowledged);
    limit(None);
    let events: Vec<_> = (0..100).map(|at| view(acknowledged + at, 1, "ab")).collect();
    assert_eq!(program.client.store(&events), (100, 0));
    assert_eq!(program.client.export("").len() as u64, acknowledged + 100);
}
