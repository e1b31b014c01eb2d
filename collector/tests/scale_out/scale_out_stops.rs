//! A node that cannot apply the next entry of the log stops, reports the reason, and skips nothing.

use std::process::Command;

use async_nats::jetstream;
use tillroll_cluster::questions::{MAX_PERIOD, answers, count};
use tillroll_cluster::{Collector, event, small_disk, until};
use tokio::runtime::Runtime;

use crate::group::Group;

/// An entry of a version that comes long after this build, and one without tasks that it can apply.
const NEWER: &[u8] = b"tr\xffwhatever a newer version writes";
const EMPTY: &[u8] = b"tr\x01an id of 16 byte\x00";

/// The size of the small disk, in megabytes.
const DISK_MEGABYTES: u32 = 64;

/// Publishes entries as another node does, and returns the number of the first, or None if the log does not accept them.
fn publish(group: &Group, entries: &[&'static [u8]]) -> Option<u64> {
    let url = format!("nats://127.0.0.1:{}", group.nats.servers[0].port);
    Runtime::new().unwrap().block_on(async {
        let log = jetstream::new(async_nats::connect(url).await.ok()?);
        let mut numbers = Vec::new();
        for entry in entries {
            numbers.push(log.publish("tillroll.entries", (*entry).into()).await.ok()?.await.ok()?.sequence);
        }
        numbers.first().copied()
    })
}

fn applied(node: &Collector) -> Option<f64> {
    node.metric("tillroll_log_applied_entry")
}

/// Waits until a node is out of service because of an entry of a newer version.
fn until_stopped(node: &Collector, number: u64) {
    let reason = format!("entry {number} of the log cannot be applied: the entry has version 255");
    until("the node is not ready and names the reason", || {
        node.get("/readyz", None)
            .is_some_and(|(status, text)| status == 503 && text.contains(&reason) && text.contains("install the version"))
    });
    assert_eq!((node.metric("tillroll_log_stopped"), applied(node)), (Some(1.0), Some(number as f64 - 1.0)));
    let log = std::fs::read_to_string(node.process.log()).unwrap();
    assert!(log.contains("the store stopped applying the log") && log.contains(&reason), "{log}");
}

#[test]
fn an_entry_of_a_newer_version_stops_nodes_and_is_not_skipped() {
    let group = Group::start(2);
    group.until_led();
    let token = group.nodes[0].token().unwrap();
    let send = |node: &Collector, number| node.send(&token, &[event(number)]);
    assert_eq!(send(&group.nodes[0], 1).status, 200);
    let before = group.until_equal(1);
    let number = publish(&group, &[NEWER, EMPTY, EMPTY]).unwrap();
    for node in &group.nodes {
        until_stopped(node, number);
        let refused = send(node, 2);
        assert!(refused.status == 503 && refused.retry_after.is_some() && refused.body.contains("version 255"), "{refused:?}");
        assert_eq!(node.exports().unwrap()[0], before);
    }
    until("a node that has stopped is not the leader", || group.leaders().is_empty());
    // Another start with the same version stops at the same entry.
    group.nodes[1].process.kill();
    group.nodes[1].start().unwrap();
    until_stopped(&group.nodes[1], number);
}

#[test]
fn nodes_that_run_while_the_servers_are_set_back_to_an_older_copy_stop() {
    let group = Group::start(2);
    let (token, folder) = (group.nodes[0].token().unwrap(), group.folder.path());
    let send = |node: &Collector, number| until("the event is acknowledged", || node.send(&token, &[event(number)]).status == 200);
    send(&group.nodes[0], 1);
    let stop = || group.nats.servers.iter().for_each(|server| server.process.kill());
    let copy = |from: &str, to: &str| {
        for server in &group.nats.servers {
            let [from, to] = [from, to].map(|suffix| folder.join(format!("{}-{suffix}", server.name)));
            assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
        }
    };
    let start = || group.nats.servers.iter().for_each(|server| server.start().unwrap());
    stop();
    copy("store", "copy");
    start();
    (2..10).for_each(|number| send(&group.nodes[1], number));
    let before = group.until_equal(9);
    let last = applied(&group.nodes[0]).unwrap();
    stop();
    group.nats.servers.iter().for_each(|server| std::fs::remove_dir_all(folder.join(format!("{}-store", server.name))).unwrap());
    copy("copy", "store");
    start();
    // Other entries get the numbers of those that are lost.
    until("the log has more entries than the nodes have applied", || publish(&group, &[EMPTY]).is_some_and(|number| number as f64 > last));
    for node in &group.nodes {
        until("the node is not ready and names the reason", || {
            node.get("/readyz", None).is_some_and(|(status, text)| status == 503 && text.contains("the log has lost entries"))
        });
        assert_eq!((applied(node), node.exports().unwrap()[0].as_str()), (Some(last), before.as_str()));
    }
}

#[test]
fn a_node_whose_disk_is_really_full_stops_and_continues_by_itself() {
    let mut group = Group::start_with(1, &[MAX_PERIOD, ("TILLROLL_RESERVE", "0")]);
    let data = group.add("small").data.clone();
    std::fs::create_dir(&data).unwrap();
    let Some(words) = small_disk::small_disk(&data, DISK_MEGABYTES) else {
        println!("SKIPPED: this system does not allow to mount a small disk; another test limits the size of files");
        return;
    };
    let small = group.nodes.remove(1).run_by(words);
    small.start().unwrap();
    small.wait_until_ready().unwrap();
    group.nodes.push(small);
    let pid = group.nodes[1].process.pid().unwrap().as_raw_nonzero().get().unsigned_abs();
    let inside = small_disk::inside(pid, &data);
    group.nodes[1].data.clone_from(&inside);
    let (large, small) = (&group.nodes[0], &group.nodes[1]);
    let token = large.token().unwrap();
    let mut next = 0;
    let mut send = |node: &Collector, count: u64| {
        let events: Vec<_> = (next..next + count).map(event).collect();
        let status = node.send(&token, &events).status;
        next += if status == 200 { count } else { 0 };
        status
    };
    assert_eq!(send(small, 50), 200);
    let ballast = inside.join("ballast");
    small_disk::fill(&ballast).unwrap();
    until("the node has no space for an entry", || {
        send(large, 500);
        small.metric("tillroll_log_stopped") == Some(1.0)
    });
    until("the node is not ready", || !small.is_ready());
    let before = applied(small);
    assert!(before < applied(large));
    assert_eq!(send(small, 1), 503);
    assert_eq!(send(large, 50), 200);
    assert_eq!(applied(small), before);
    assert!(std::fs::read_to_string(small.process.log()).unwrap().contains("tries again until it succeeds"));
    std::fs::remove_file(ballast).unwrap();
    small.wait_until_ready().unwrap();
    until("the node acknowledges events", || send(small, 50) == 200);
    let events = group.until_equal(1).lines().count() as u64;
    until("the reports of both nodes count all events", || {
        count(small) == Some(events) && answers(large).is_some_and(|expected| answers(small) == Some(expected))
    });
}
