//! What an operator does with a group by `docs/scale-out.md`: restore a node, start all members again, replace a lost stream.

use async_nats::jetstream;
use tillroll_cluster::{Collector, Senders, Stored, event, until};
use tokio::runtime::Runtime;

use crate::group::{Group, run_program};

fn send(node: &Collector, numbers: std::ops::Range<u64>) {
    let (token, events) = (node.token().unwrap(), numbers.map(event).collect::<Vec<_>>());
    until("events are acknowledged", || node.send(&token, &events).status == 200);
}

fn succeeds(arguments: &[&str]) {
    let output = run_program(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_restored_backup_of_one_node_continues_after_its_entry() {
    let group = Group::start(2);
    let (first, second) = (&group.nodes[0], &group.nodes[1]);
    send(first, 0..20);
    group.until_equal(20);
    let (backup, data) = (group.folder.path().join("backup"), second.data.to_str().unwrap());
    succeeds(&["backup", backup.to_str().unwrap(), "--data", data]);
    send(first, 20..40);
    second.process.kill();
    let lines = group.folder.path().join("lines");
    std::fs::write(&lines, &first.exports().unwrap()[0]).unwrap();
    let imported = run_program(&["import", "events", lines.to_str().unwrap(), "--data", data]);
    let reason = String::from_utf8_lossy(&imported.stderr).into_owned();
    assert!(!imported.status.success() && reason.contains("belongs to a group"), "{reason}");
    std::fs::remove_dir_all(data).unwrap();
    succeeds(&["restore", backup.to_str().unwrap(), "--data", data]);
    second.start().unwrap();
    second.wait_until_ready().unwrap();
    assert_eq!(group.until_equal(40).lines().count(), 40);
}

#[test]
fn members_that_are_all_killed_at_the_same_time_lose_nothing_that_was_acknowledged() {
    let group = Group::start(3);
    let senders = Senders::default();
    let ((), acknowledged) = senders.run(&group.nodes, &group.nodes[0].token().unwrap(), |senders| {
        assert!(senders.wait_for_more(300));
        group.nats.servers.iter().for_each(|server| server.process.kill());
        group.nodes.iter().for_each(|node| node.process.kill());
        group.nats.servers.iter().for_each(|server| server.start().unwrap());
        group.nodes.iter().for_each(|node| node.start().unwrap());
        assert!(senders.wait_for_more(100));
    });
    Stored::new(&group.until_equal(acknowledged.len()), &acknowledged).assert_complete();
}

#[test]
fn the_folder_of_one_node_begins_a_new_log_when_the_stream_is_lost() {
    let group = Group::start(2);
    let (chosen, other) = (&group.nodes[0], &group.nodes[1]);
    send(chosen, 0..20);
    let before = group.until_equal(20);
    let url = format!("nats://127.0.0.1:{}", group.nats.servers[0].port);
    let delete = async { jetstream::new(async_nats::connect(url).await.unwrap()).delete_stream("tillroll").await.unwrap() };
    assert!(Runtime::new().unwrap().block_on(delete).success);
    group.nodes.iter().for_each(|node| node.process.kill());
    // Neither node begins a new log by itself.
    other.start().unwrap();
    until("the node names the loss", || {
        other.get("/readyz", None).is_some_and(|(status, text)| status == 503 && text.contains("the part about a lost stream"))
    });
    other.process.kill();
    succeeds(&["leave", "--data", chosen.data.to_str().unwrap()]);
    chosen.start().unwrap();
    chosen.wait_until_ready().unwrap();
    std::fs::remove_dir_all(&other.data).unwrap();
    let (key, data) = (group.key_file(), other.data.to_str().unwrap());
    succeeds(&["join", "--from", &chosen.address, "--secret-file", key.to_str().unwrap(), "--data", data]);
    other.start().unwrap();
    other.wait_until_ready().unwrap();
    assert_eq!(group.until_equal(20), before);
    send(other, 20..30);
    assert_eq!(group.until_equal(30).lines().count(), 30);
}

#[test]
fn only_a_node_with_the_flag_changes_the_retention_of_the_log() {
    let group = Group::start(1);
    let node = &group.nodes[0];
    let retention_days = || {
        let url = format!("nats://127.0.0.1:{}", group.nats.servers[0].port);
        Runtime::new().unwrap().block_on(async {
            let stream = jetstream::new(async_nats::connect(url).await.unwrap()).get_stream("tillroll").await.unwrap();
            stream.cached_info().config.max_age.as_secs() / (24 * 60 * 60)
        })
    };
    assert_eq!(retention_days(), 7);
    for variables in [&[("TILLROLL_LOG_RETENTION", "30d")][..], &[]] {
        node.process.kill();
        node.start_with(variables).unwrap();
        node.wait_until_ready().unwrap();
        assert_eq!(retention_days(), 30);
    }
    let log = std::fs::read_to_string(node.process.log()).unwrap();
    assert!(log.lines().any(|line| ["--log-retention", "7days", "30days"].iter().all(|part| line.contains(part))), "{log}");
    // The servers were reachable at each start but the first, when they may not yet have agreed on a leader.
    assert!(!log.lines().skip_while(|line| !line.contains("--log-retention")).any(|line| line.contains("waiting for the log")), "{log}");
}

#[test]
fn more_replicas_than_servers_are_refused_with_the_remedy() {
    let mut group = Group::start(0);
    let node = group.add("collector");
    node.start_with(&[("TILLROLL_LOG_REPLICAS", "5")]).unwrap();
    until("the node names the remedy", || {
        let log = std::fs::read_to_string(node.process.log()).unwrap_or_default();
        ["waiting for the log", "5 replicas", "--log-replicas, such as 3"].iter().all(|part| log.contains(part))
    });
}
