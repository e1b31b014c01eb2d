//! `kill -9` at any moment, a hundred times, or a thousand in the long form: every acknowledged event is stored, exactly once.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc;

use crate::server::{Client, ServerProcess, id, identify, read_json, view};

/// How often the program is killed. The data grow with every run.
fn kills() -> u64 {
    if std::env::var_os("TILLROLL_LONG").is_some() { 1_000 } else { 100 }
}

/// The number of concurrent clients.
const SENDERS: u64 = 4;

#[test]
fn acknowledged_events_survive_kills_and_are_stored_once() {
    let folder = tempfile::tempdir().unwrap();
    let next = AtomicU64::new(1);
    let mut acknowledged = BTreeSet::new();
    for kill in 0..kills() {
        let mut program = ServerProcess::start(folder.path(), &["--project", "t:secret"]);
        acknowledged.extend(until_killed(&mut program, &next, kill));
        report(kill + 1, acknowledged.len());
    }
    let program = ServerProcess::start(folder.path(), &["--project", "t:secret"]);
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for event in program.client.export("") {
        *found.entry(event["id"].as_str().unwrap().to_owned()).or_default() += 1;
        assert!(event["email"].is_null() || event["email"] == "a@x.com");
    }
    assert!(found.values().all(|&times| times == 1));
    let lost: Vec<_> = acknowledged.iter().filter(|&&number| !found.contains_key(&id(number))).collect();
    assert!(lost.is_empty(), "{lost:?} of {}", acknowledged.len());
    assert!(acknowledged.len() as u64 > kills() * 10, "only {} were acknowledged", acknowledged.len());
}

/// Prints the progress of the long form directly, because the test harness captures normal output.
fn report(kill: u64, acknowledged: usize) {
    if kill.is_multiple_of(100) {
        let _ = writeln!(std::io::stderr(), "killed {kill} of {} times, {acknowledged} events acknowledged", kills());
    }
}

/// Sends from several clients until the program is killed, and returns the numbers of the acknowledged events.
///
/// The kill happens after a number of responses, a different one each time. The other clients are then at any point of their requests, and
/// the store at any point of its transaction.
fn until_killed(program: &mut ServerProcess, next: &AtomicU64, kill: u64) -> Vec<u64> {
    let (acknowledged, responses) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..SENDERS {
            let (acknowledged, client) = (acknowledged.clone(), program.client.clone());
            scope.spawn(move || send_until_killed(&client, next, &acknowledged));
        }
        drop(acknowledged);
        let mut numbers = Vec::new();
        for (at, batch) in responses.iter().enumerate() {
            numbers.extend(batch);
            if at as u64 == 4 + kill * 7 % 23 {
                program.child.kill().unwrap();
            }
        }
        numbers
    })
}

fn send_until_killed(client: &Client, next: &AtomicU64, acknowledged: &mpsc::Sender<Vec<u64>>) {
    for size in (1..8).cycle() {
        let first = next.fetch_add(size, Relaxed);
        let event = |number: u64| if number.is_multiple_of(5) { identify(number, 1, "ab", "a@x.com") } else { view(number, 1, "ab") };
        let body = serde_json::json!({"token": "t", "events": (first..first + size).map(event).collect::<Vec<_>>()});
        let Ok(mut response) = client.try_post("/v2/batch", &body.to_string()) else { return };
        if response.status() != 200 {
            return;
        }
        // The status is the acknowledgement, even if the body is incomplete.
        let _ = response.body_mut().read_to_string().map(|text| assert!(text.contains(&format!("\"accepted\":{size}"))));
        if acknowledged.send((first..first + size).collect()).is_err() {
            return;
        }
    }
}

#[test]
fn a_killed_store_passes_the_integrity_check() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = ServerProcess::start(folder.path(), &["--project", "t:secret"]);
    until_killed(&mut program, &AtomicU64::new(1), 3);
    drop(program);
    let database = rusqlite::Connection::open(folder.path().join(tillroll_collector::store::FILE)).unwrap();
    let result: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(result, "ok");
    let (newest, head): (i64, i64) = database
        .query_row("SELECT (SELECT max(last_seq) FROM segment), (SELECT seq FROM log_head)", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert_eq!(newest, head);
    let mut program = ServerProcess::start(folder.path(), &["--project", "t:secret"]);
    let mut again = program.client.send(&[view(1, 1, "ab")]);
    assert_eq!(read_json(&mut again)["duplicates"], 1);
    program.child.kill().unwrap();
}
