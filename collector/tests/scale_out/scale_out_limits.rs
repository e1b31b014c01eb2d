//! What a node does at the limits of the log: entries that are no longer kept, and messages that the servers do not accept.

use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::stream::{Config, DiscardPolicy, State};
use serde_json::{Value, json};
use tillroll_cluster::{Collector, ServerSettings, Signal, Stopwatch, event, until};
use tokio::runtime::Runtime;

use crate::group::{Group, run_program};

/// More entries than the servers send ahead to a node that does not read.
const ENTRIES: u64 = 150;

fn send(node: &Collector, numbers: std::ops::Range<u64>) {
    let (token, events) = (node.token().unwrap(), numbers.map(event).collect::<Vec<_>>());
    until("events are acknowledged", || node.send(&token, &events).status == 200);
}

/// Lets the log have its newest entries only, as after the time of `--log-retention`.
fn keep_entries(group: &Group, count: i64) {
    change_stream(group, |config, _| (config.discard, config.max_messages) = (DiscardPolicy::Old, count));
}

/// Changes the settings of the stream.
fn change_stream(group: &Group, change: impl FnOnce(&mut Config, &State)) {
    let url = format!("nats://127.0.0.1:{}", group.nats.servers[0].port);
    Runtime::new().unwrap().block_on(async {
        let log = jetstream::new(async_nats::connect(url).await.unwrap());
        let stream = log.get_stream("tillroll").await.unwrap();
        let info = stream.cached_info();
        let mut config = info.config.clone();
        change(&mut config, &info.state);
        log.update_stream(config).await.unwrap();
    });
}

/// An event that stays large when its entry is compressed.
fn large_event(number: u64) -> Value {
    let mut event = event(number);
    let letters = (0..4_000_u64).scan(number + 1, |state, _| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Some(char::from(b'a' + (*state >> 59) as u8 % 26))
    });
    event["page"] = json!({"url": "https://shop.example/", "title": letters.collect::<String>()});
    event
}

/// Waits until a node is out of service and names the cause and the remedy.
fn until_out_of_service(node: &Collector, texts: &[&str]) {
    until(&format!("{} is not ready and names {texts:?}", node.name), || {
        node.get("/readyz", None).is_some_and(|(status, body)| status == 503 && texts.iter().all(|text| body.contains(text)))
    });
}

#[test]
fn nodes_that_were_away_for_longer_than_the_log_is_kept_state_it_and_join_again() {
    const AWAY: [&str; 2] = ["away for longer than the retention", "tillroll join"];
    let group = Group::start(3);
    let [running, stopped, paused] = [&group.nodes[0], &group.nodes[1], &group.nodes[2]];
    send(running, 0..20);
    let before = group.until_equal(20);
    let backup = group.folder.path().join("backup");
    let (backup, data) = (backup.to_str().unwrap(), stopped.data.to_str().unwrap());
    assert!(run_program(&["backup", backup, "--data", data]).status.success());
    stopped.process.kill();
    paused.process.signal(Signal::STOP).unwrap();
    (20..20 + ENTRIES).for_each(|number| send(running, number..number + 1));
    keep_entries(&group, 5);
    stopped.start().unwrap();
    until_out_of_service(stopped, &AWAY);
    paused.process.signal(Signal::CONT).unwrap();
    until_out_of_service(paused, &AWAY);
    for node in [stopped, paused] {
        assert_eq!(node.metric("tillroll_log_stopped"), Some(1.0));
        assert_eq!(node.send(&running.token().unwrap(), &[event(999)]).status, 503);
        // It has skipped nothing: what it has is the beginning of what the others have.
        let own = node.exports().unwrap().swap_remove(0);
        assert!(own.starts_with(&before) && running.exports().unwrap()[0].starts_with(&own) && own.lines().count() < 20 + ENTRIES as usize);
    }
    // A backup of that time is as old.
    stopped.process.kill();
    std::fs::remove_dir_all(data).unwrap();
    assert!(run_program(&["restore", backup, "--data", data]).status.success());
    stopped.start().unwrap();
    until_out_of_service(stopped, &AWAY);
    let key = group.key_file();
    for node in [stopped, paused] {
        node.process.kill();
        std::fs::remove_dir_all(&node.data).unwrap();
        let data = node.data.to_str().unwrap();
        assert!(
            run_program(&["join", "--from", &running.address, "--secret-file", key.to_str().unwrap(), "--data", data]).status.success()
        );
        node.start().unwrap();
        node.wait_until_ready().unwrap();
    }
    send(stopped, 500..520);
    assert_eq!(group.until_equal(40 + ENTRIES as usize).lines().count(), 40 + ENTRIES as usize);
}

#[test]
fn a_batch_that_is_larger_than_the_servers_accept_is_published_in_parts() {
    let group = Group::start_on(2, &[], ServerSettings { max_payload: Some("512KB"), ..ServerSettings::default() }, "nats://");
    let (token, events) = (group.nodes[0].token().unwrap(), (0..400).map(large_event).collect::<Vec<_>>());
    let stored = group.nodes[0].send(&token, &events);
    assert!(stored.status == 200 && stored.body.contains(r#""accepted":400"#), "{stored:?}");
    let export = group.until_equal(400);
    assert!(export.lines().count() == 400 && export.len() > 3 * 512 * 1024);
}

#[test]
fn a_node_is_not_ready_while_a_log_that_is_full_has_space_for_smaller_entries_only() {
    let group = Group::start(1);
    let node = &group.nodes[0];
    let (token, mut number) = (node.token().unwrap(), 0);
    let mut send = || {
        number += 3;
        node.send(&token, &(number..number + 3).map(large_event).collect::<Vec<_>>()).status
    };
    assert_eq!(send(), 200);
    change_stream(&group, |config, state| config.max_bytes = state.bytes as i64 + 20_000);
    until("the log is full", || send() == 503);
    // It tests the log ten times a second.
    let watch = Stopwatch::start();
    while watch.elapsed() < Duration::from_secs(1) {
        assert!(!node.is_ready());
    }
    change_stream(&group, |config, _| config.max_bytes = -1);
    until("the node is ready", || node.is_ready());
    assert_eq!(send(), 200);
}

#[test]
fn a_collector_does_not_publish_to_servers_whose_limit_of_messages_is_too_small() {
    let mut group = Group::start_on(0, &[], ServerSettings { max_payload: Some("500KB"), ..ServerSettings::default() }, "nats://");
    let node = group.add("collector-0");
    node.start().unwrap();
    // Without a project there is nothing to serve yet, so the first start ends.
    assert!(!node.process.wait().unwrap());
    let log = std::fs::read_to_string(node.process.log()).unwrap();
    assert!(log.contains("accepts messages of 512000 bytes only") && log.contains("set its max_payload to 8MB"), "{log}");
}
