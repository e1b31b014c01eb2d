//! `kill -9`, a hundred times, a thousand in the long form, at any moment: what was acknowledged is there, each event once.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc;

use crate::server::{Client, Program, id, identify, read_json, view};

/// How often the program is killed, on data that grow with every life.
fn kills() -> u64 {
    if std::env::var_os("TILLROLL_LONG").is_some() { 1_000 } else { 100 }
}

/// How many send at the same time.
const SENDERS: u64 = 4;

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_there_twice() {
    let folder = tempfile::tempdir().unwrap();
    let next = AtomicU64::new(1);
    let mut acknowledged = BTreeSet::new();
    for kill in 0..kills() {
        let mut program = Program::start(folder.path(), &["--project", "t:s"]);
        acknowledged.extend(until_killed(&mut program, &next, kill));
        report(kill + 1, acknowledged.len());
    }
    let program = Program::start(folder.path(), &["--project", "t:s"]);
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

/// Says how far the long form is, past the harness, which holds back what tests print.
fn report(kill: u64, acknowledged: usize) {
    if kill.is_multiple_of(100) {
        let _ = writeln!(std::io::stderr(), "killed {kill} of {} times, {acknowledged} events acknowledged", kills());
    }
}

/// Sends from several sides until the program is killed, and returns the numbers of the events that it had acknowledged.
///
/// The moment of the kill is counted in answers, a different number each time. While they are counted the other senders are at any point
/// of their requests, and the store at any point of its transaction.
fn until_killed(program: &mut Program, next: &AtomicU64, kill: u64) -> Vec<u64> {
    let (tell, answers) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..SENDERS {
            let (tell, client) = (tell.clone(), program.client.clone());
            scope.spawn(move || send_until_it_dies(&client, next, &tell));
        }
        drop(tell);
        let mut numbers = Vec::new();
        for (at, batch) in answers.iter().enumerate() {
            numbers.extend(batch);
            if at as u64 == 4 + kill * 7 % 23 {
                program.child.kill().unwrap();
            }
        }
        numbers
    })
}

fn send_until_it_dies(client: &Client, next: &AtomicU64, tell: &mpsc::Sender<Vec<u64>>) {
    for size in (1..8).cycle() {
        let first = next.fetch_add(size, Relaxed);
        let event = |number: u64| if number.is_multiple_of(5) { identify(number, 1, "ab", "a@x.com") } else { view(number, 1, "ab") };
        let body = serde_json::json!({"token": "t", "events": (first..first + size).map(event).collect::<Vec<_>>()});
        let Ok(mut answer) = client.try_post("/v2/batch", &body.to_string()) else { return };
        if answer.status() != 200 {
            return;
        }
        // The status is the acknowledgement; whether the rest of the answer still came does not matter.
        let _ = answer.body_mut().read_to_string().map(|text| assert!(text.contains(&format!("\"accepted\":{size}"))));
        if tell.send((first..first + size).collect()).is_err() {
            return;
        }
    }
}

#[test]
fn a_store_that_was_killed_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), &["--project", "t:s"]);
    until_killed(&mut program, &AtomicU64::new(1), 3);
    drop(program);
    let database = rusqlite::Connection::open(folder.path().join(tillroll_collector::store::FILE)).unwrap();
    let verdict: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    let (newest, head): (i64, i64) = database
        .query_row("SELECT (SELECT max(last_seq) FROM segment), (SELECT seq FROM log_head)", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert_eq!(newest, head);
    let mut program = Program::start(folder.path(), &["--project", "t:s"]);
    let mut again = program.client.send(&[view(1, 1, "ab")]);
    assert_eq!(read_json(&mut again)["duplicates"], 1);
    program.child.kill().unwrap();
}
