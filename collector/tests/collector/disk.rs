//! A full disk: the collector acknowledges nothing, reports the reason, and continues once there is space.
//!
//! One test uses a real small disk, where the system allows to mount one. The others replace the reported free space; `faults` tests a system
//! that refuses to write.
#![cfg(target_os = "linux")]

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde_json::{Value, json};
use tillroll_cluster::small_disk;
use tillroll_collector::store::{DiskSpace, Options};

use crate::server::{Client, ServerProcess, TestServer, read_json, until, view};

fn batch(first: u64) -> Vec<Value> {
    (first..first + 50).map(|number| view(number, 1, "ab")).collect()
}

/// Sends events until the disk is full, and returns how many were acknowledged.
fn fill(client: &Client, before_each: impl Fn(u64)) -> u64 {
    assert_eq!(client.get("/readyz", &[]).status(), 200);
    let mut stored = 0;
    let mut rejected = loop {
        before_each(stored);
        let response = client.send(&batch(stored));
        if response.status() != 200 {
            break response;
        }
        stored += 50;
    };
    assert!(stored > 0);
    assert_eq!((rejected.status().as_u16(), rejected.headers()["retry-after"].to_str().unwrap()), (503, "60"));
    assert_eq!(read_json(&mut rejected)["error"]["code"], "disk_full");
    let mut ready = client.get("/readyz", &[]);
    assert_eq!((ready.status().as_u16(), &read_json(&mut ready)["error"]["code"]), (503, &json!("disk_full")));
    assert_eq!(client.get("/healthz", &[]).status(), 200);
    assert_eq!(client.export("").len() as u64, stored);
    assert!(client.metric("tillroll_disk_free_bytes") > 0.0, "the reserve is free");
    stored
}

fn continues(client: &Client, stored: u64) {
    until("the server is ready again", || client.get("/readyz", &[]).status() == 200);
    assert_eq!(client.store(&batch(stored)), (50, 0));
    assert_eq!(client.export("").len() as u64, stored + 50);
}

#[test]
fn a_full_disk_is_reported_and_the_reserve_stays_free() {
    let folder = tempfile::tempdir().unwrap();
    let Some(words) = small_disk::small_disk(folder.path(), 8) else {
        println!("SKIPPED: this system does not allow to mount a small disk; the other tests of full disks ran");
        return;
    };
    let mut command = Command::new(&words[0]);
    let with_ballast = "dd if=/dev/zero of=\"$0/ballast\" bs=1M count=2 2>/dev/null && exec \"$@\"";
    command.args(&words[1..]).args(["sh", "-c", with_ballast]).arg(folder.path()).args([env!("CARGO_BIN_EXE_tillroll"), "serve"]);
    let program = ServerProcess::run(&mut command, folder.path(), &["--project", "t:secret"]);
    let stored = fill(&program.client, |_| {});
    std::fs::remove_file(small_disk::inside(program.child.id(), folder.path()).join("ballast")).unwrap();
    continues(&program.client, stored);
}

#[test]
fn below_the_reserve_events_are_rejected_and_trimming_still_works() {
    static FREE: AtomicU64 = AtomicU64::new(1 << 30);
    let free_space = |_: &std::path::Path| Some(DiskSpace { free: FREE.load(Relaxed), total: 1 << 31 });
    let server = TestServer::with(&["--project", "t:secret", "--reserve", "10"], Options { free_space, ..Options::default() });
    // The free space falls one byte below the reserve in the middle.
    let stored = fill(&server.client, |stored| FREE.store(if stored < 500 { 1 << 30 } else { (10 << 20) - 1 }, Relaxed));
    assert_eq!(stored, 500);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    assert_eq!(runtime.block_on(server.collector.store.trim(u64::MAX, 100)).unwrap().deleted, 100, "trimming needs no space");
    assert_eq!(server.client.export("").len(), 400);
    FREE.store(1 << 30, Relaxed);
    until("the server is ready again", || server.client.get("/readyz", &[]).status() == 200);
    assert_eq!(server.client.store(&batch(stored)), (50, 0));
}

#[test]
fn the_reserve_is_at_most_a_twentieth_of_the_disk() {
    static FREE: AtomicU64 = AtomicU64::new(1 << 30);
    let free_space = |_: &std::path::Path| Some(DiskSpace { free: FREE.load(Relaxed), total: 100 << 20 });
    let server = TestServer::with(&["--project", "t:secret", "--reserve", "64"], Options { free_space, ..Options::default() });
    for (free, status) in [(6 << 20, 200), ((5 << 20) - 1, 503), (64 << 20, 200)] {
        FREE.store(free, Relaxed);
        assert_eq!(server.client.get("/readyz", &[]).status(), status, "{free}");
    }
}

#[test]
fn what_a_copy_of_the_log_will_take_counts_as_used() {
    static FREE: AtomicU64 = AtomicU64::new(1 << 30);
    let free_space = |_: &std::path::Path| Some(DiskSpace { free: FREE.load(Relaxed), total: 1 << 31 });
    let server = TestServer::with(&["--project", "t:secret", "--reserve", "10"], Options { free_space, ..Options::default() });
    // Of what is stored while another process reads, nothing can be copied.
    let reader = server.database();
    reader.execute_batch("BEGIN; SELECT count(*) FROM segment").unwrap();
    let mut stored = 0;
    while stored < 10_000 {
        assert_eq!(server.client.store(&batch(stored)), (50, 0));
        stored += 50;
    }
    for (free, status) in [((10 << 20) + (64 << 10), 503), (20 << 20, 200)] {
        FREE.store(free, Relaxed);
        assert_eq!(server.client.send(&batch(stored)).status(), status, "{free}");
    }
}
