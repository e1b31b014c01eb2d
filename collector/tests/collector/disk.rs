//! A disk that is full: nothing is acknowledged, everybody is told, and all is well once there is room.
//!
//! Where the system lets us make a small disk, it is a real one. What the server does when it is told of little room is tested everywhere,
//! and so is (in `faults`) a system that refuses to write.
#![cfg(target_os = "linux")]

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde_json::{Value, json};
use tillroll_collector::store::{DiskSpace, Options};

use crate::server::{Client, Program, Running, read_json, until, view};

/// Ways to see a disk that nobody else sees: as the system's administrator, or as one's own.
const OWN_DISKS: [&[&str]; 2] = [&["-m"], &["--user", "--map-root-user", "-m"]];

/// A disk of eight megabytes that only the program sees; None where the system does not let us make one.
fn small_disk(folder: &std::path::Path) -> Option<Program> {
    let script = "mount -t tmpfs -o size=8m tmpfs \"$1\" && dd if=/dev/zero of=\"$1/ballast\" bs=1M count=2 2>/dev/null || exit 1
                  program=$0; shift; exec \"$program\" serve \"$@\"";
    let is_allowed = |way: &&&[&str]| {
        let tried = Command::new("unshare").args(**way).args(["mount", "-t", "tmpfs", "tmpfs"]).arg(folder).output();
        tried.is_ok_and(|output| output.status.success())
    };
    let way = OWN_DISKS.iter().find(is_allowed)?;
    let mut command = Command::new("unshare");
    command.args(*way).args(["sh", "-c", script, env!("CARGO_BIN_EXE_tillroll")]).arg(folder);
    Some(Program::run(&mut command, folder, &["--project", "t:s"]))
}

fn batch(first: u64) -> Vec<Value> {
    (first..first + 50).map(|number| view(number, 1, "ab")).collect()
}

/// Stores until the disk is full, and returns how many events were acknowledged.
fn fill(client: &Client, before_each: impl Fn(u64)) -> u64 {
    assert_eq!(client.get("/readyz", &[]).status(), 200);
    let mut stored = 0;
    let mut refused = loop {
        before_each(stored);
        let answer = client.send(&batch(stored));
        if answer.status() != 200 {
            break answer;
        }
        stored += 50;
    };
    assert!(stored > 0);
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (503, "60"));
    assert_eq!(read_json(&mut refused)["error"]["code"], "disk_full");
    let mut ready = client.get("/readyz", &[]);
    assert_eq!((ready.status().as_u16(), &read_json(&mut ready)["error"]["code"]), (503, &json!("disk_full")));
    assert_eq!(client.get("/healthz", &[]).status(), 200);
    assert_eq!(client.export("").len() as u64, stored);
    assert!(client.counted("tillroll_disk_free_bytes") > 0.0, "a reserve is kept back");
    stored
}

fn goes_on(client: &Client, stored: u64) {
    until("the server is ready again", || client.get("/readyz", &[]).status() == 200);
    assert_eq!(client.store(&batch(stored)), (50, 0));
    assert_eq!(client.export("").len() as u64, stored + 50);
}

#[test]
fn a_full_disk_is_told_to_everybody_and_a_reserve_stays() {
    let folder = tempfile::tempdir().unwrap();
    let Some(program) = small_disk(folder.path()) else {
        println!(
            "SKIPPED: no small disk can be made here, because this system lets nobody mount one; the other tests of full disks did run"
        );
        return;
    };
    let stored = fill(&program.client, |_| {});
    let inside = format!("/proc/{}/root{}/ballast", program.child.id(), folder.path().display());
    std::fs::remove_file(inside).unwrap();
    goes_on(&program.client, stored);
}

#[test]
fn a_server_that_is_told_of_little_room_keeps_a_reserve_and_still_makes_room() {
    static FREE: AtomicU64 = AtomicU64::new(1 << 30);
    let look = |_: &std::path::Path| Some(DiskSpace { free: FREE.load(Relaxed), total: 1 << 31 });
    let server = Running::with(&["--project", "t:s", "--reserve", "10"], Options { free_space: look, ..Options::default() });
    // The first byte of the reserve is touched in the middle.
    let stored = fill(&server.client, |stored| FREE.store(if stored < 500 { 10 << 20 } else { (10 << 20) - 1 }, Relaxed));
    assert_eq!(stored, 500);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    assert_eq!(runtime.block_on(server.collector.store.trim(u64::MAX, 100)).unwrap().deleted, 100, "taking out needs no room");
    assert_eq!(server.client.export("").len(), 400);
    FREE.store(1 << 30, Relaxed);
    until("the server is ready again", || server.client.get("/readyz", &[]).status() == 200);
    assert_eq!(server.client.store(&batch(stored)), (50, 0));
}

#[test]
fn of_a_small_disk_a_twentieth_is_kept_back() {
    static FREE: AtomicU64 = AtomicU64::new(1 << 30);
    let look = |_: &std::path::Path| Some(DiskSpace { free: FREE.load(Relaxed), total: 100 << 20 });
    let server = Running::with(&["--project", "t:s", "--reserve", "64"], Options { free_space: look, ..Options::default() });
    for (free, status) in [(5 << 20, 200), ((5 << 20) - 1, 503), (64 << 20, 200)] {
        FREE.store(free, Relaxed);
        assert_eq!(server.client.get("/readyz", &[]).status(), status, "{free}");
    }
}
