//! A group with one ClickHouse: its leader fills the database, every node answers from it, and each event counts once whatever fails.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;
use tillroll_cluster::questions::{MAX_PERIOD, answers, count};
use tillroll_cluster::{Collector, Senders, Signal, Stored, event, until};

use crate::database::Database;
use crate::group::Group;

fn start(database: &Database, nodes: usize) -> Group {
    Group::start_with(nodes, &[("TILLROLL_ANALYTICS", &database.create("shop")), MAX_PERIOD])
}

/// Sends events until a node accepts them.
fn send(node: &Collector, numbers: std::ops::Range<u64>) {
    send_all(node, &numbers.map(event).collect::<Vec<_>>());
}

fn send_all(node: &Collector, events: &[Value]) {
    let token = node.token().unwrap();
    until("events are acknowledged", || node.send(&token, events).status == 200);
}

/// Returns the answers of a node as soon as it answers.
fn until_answered(node: &Collector) -> Vec<String> {
    let mut found = None;
    until("the node answers", || {
        found = answers(node);
        found.is_some()
    });
    found.unwrap()
}

/// Asserts that all nodes answer the same, and what an embedded engine answers that is filled from the store of the first node.
fn check_answers(group: Group, events: usize) {
    let expected = until_answered(&group.nodes[0]);
    for node in &group.nodes[1..] {
        assert_eq!(until_answered(node), expected);
    }
    assert!(expected[0].contains(&format!(r#"{{"value":{events}}}"#)), "{}", expected[0]);
    let (alone, _folder) = group.leave(&[MAX_PERIOD]);
    assert_eq!(until_answered(&alone), expected);
}

#[test]
fn leaders_that_are_killed_under_load_leave_a_database_that_counts_each_event_once() {
    let database = Database::start();
    let group = start(&database, 3);
    let senders = Senders::default();
    let ((), acknowledged) = senders.run(&group.nodes, &group.nodes[0].token().unwrap(), |senders| {
        for _ in 0..3 {
            assert!(senders.wait_for_more(100));
            let leader = group.until_led();
            group.nodes[leader].process.kill();
            // The others lag until one of them is the leader and continues.
            let follower = &group.nodes[(leader + 1) % 3];
            let acknowledged = count(follower);
            until("another leader fills the database", || count(follower) > acknowledged);
            group.nodes[leader].start().unwrap();
            group.nodes[leader].wait_until_ready().unwrap();
        }
    });
    let events = group.until_equal(acknowledged.len());
    Stored::new(&events, &acknowledged).assert_complete();
    check_answers(group, events.lines().count());
}

#[test]
fn a_leader_that_was_paused_in_a_commit_writes_nothing_twice() {
    let database = Database::start();
    let group = start(&database, 3);
    let paused = group.until_led();
    let others = [&group.nodes[(paused + 1) % 3], &group.nodes[(paused + 2) % 3]];
    send(others[0], 0..20);
    until("the leader has filled the database", || count(others[0]) == Some(20));
    database.post("/hold", "INTO projection");
    send(others[0], 20..40);
    database.post("/wait", "");
    group.nodes[paused].process.signal(Signal::STOP).unwrap();
    until("another node leads", || others.iter().any(|node| node.metric("tillroll_leader") == Some(1.0)));
    send(others[1], 40..60);
    until("the other leader has filled the database", || count(others[0]) == Some(60));
    // The commit arrives, and the paused node wakes up.
    database.post("/release", "");
    group.nodes[paused].process.signal(Signal::CONT).unwrap();
    send(&group.nodes[paused], 60..80);
    until("the woken node answers", || count(&group.nodes[paused]) == Some(80));
    let events = group.until_equal(80);
    Stored::new(&events, &(0..80).collect::<BTreeSet<_>>()).assert_complete();
    check_answers(group, 80);
}

#[test]
fn a_leader_that_begins_while_the_database_is_away_fills_it_later() {
    let mut database = Database::start();
    let group = start(&database, 2);
    let first = group.until_led();
    let second = &group.nodes[1 - first];
    send(second, 0..20);
    until("the leader has filled the database", || count(second) == Some(20));
    database.kill();
    send(second, 20..40);
    group.nodes[first].process.kill();
    until("the other node leads", || second.metric("tillroll_leader") == Some(1.0));
    send(second, 40..60);
    assert_eq!(count(second), None);
    until("the node reports that it cannot reach the database", || second.metric("tillroll_projection_up") == Some(0.0));
    database.restart();
    until("the new leader has filled the database", || count(second) == Some(60));
    group.nodes[first].start().unwrap();
    group.nodes[first].wait_until_ready().unwrap();
    check_answers(group, 60);
}

#[test]
fn a_database_that_is_lost_while_the_group_runs_is_filled_again() {
    let mut database = Database::start();
    let group = start(&database, 3);
    let senders = Senders::default();
    let ((), acknowledged) = senders.run(&group.nodes, &group.nodes[0].token().unwrap(), |senders| {
        assert!(senders.wait_for_more(200));
        assert!(count(&group.nodes[0]).is_some());
        database.execute("DROP DATABASE shop SYNC");
        assert!(senders.wait_for_more(200));
        assert!(group.nodes.iter().all(|node| answers(node).is_none()));
        database.create("shop");
        until("the leader fills the new database", || group.nodes.iter().all(|node| count(node).is_some()));
        assert!(senders.wait_for_more(200));
    });
    let events = group.until_equal(acknowledged.len());
    Stored::new(&events, &acknowledged).assert_complete();
    let count_all = events.lines().count() as u64;
    until("the new database is complete", || group.nodes.iter().all(|node| count(node) == Some(count_all)));
    // No event arrives any more, and the server comes back without its data.
    database.kill();
    database.empty();
    database.restart();
    assert_eq!(count(&group.nodes[0]), None);
    database.create("shop");
    // Each answer is refused or complete.
    until("the leader fills the empty server", || {
        let found: Vec<_> = group.nodes.iter().map(count).collect();
        assert!(found.iter().flatten().all(|count| *count == count_all), "{found:?}");
        found.iter().all(Option::is_some)
    });
    check_answers(group, events.lines().count());
}

/// Copies the files of all members, which do not run, from those with one suffix to those with another.
fn copy_files(group: &Group, from: &str, to: &str) {
    let servers = group.nats.servers.iter().map(|server| format!("{}-store", server.name));
    for name in servers.chain(group.nodes.iter().map(|node| node.name.clone())) {
        let [from, to] = [from, to].map(|suffix| group.folder.path().join(format!("{name}{suffix}")));
        if to.exists() {
            std::fs::remove_dir_all(&to).unwrap();
        }
        assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
    }
}

#[test]
fn members_that_are_all_set_back_fill_a_new_database() {
    let database = Database::start();
    let group = start(&database, 2);
    let stop = || {
        group.nodes.iter().for_each(|node| node.process.kill());
        group.nats.servers.iter().for_each(|server| server.process.kill());
    };
    let start = || {
        group.nats.servers.iter().for_each(|server| server.start().unwrap());
        group.nodes.iter().for_each(|node| node.start().unwrap());
        group.nodes.iter().for_each(|node| node.wait_until_ready().unwrap());
    };
    send(&group.nodes[0], 0..20);
    until("the leader has filled the database", || count(&group.nodes[0]) == Some(20));
    stop();
    copy_files(&group, "", "-copy");
    start();
    send(&group.nodes[1], 20..60);
    until("the leader has filled the database", || count(&group.nodes[1]) == Some(60));
    stop();
    copy_files(&group, "-copy", "");
    start();
    // The group works, and the database is ahead of it.
    send(&group.nodes[0], 100..110);
    assert_eq!(group.until_equal(30).lines().count(), 30);
    until("reports still have what was set back", || group.nodes.iter().all(|node| count(node) == Some(60)));
    database.execute("DROP DATABASE shop SYNC");
    database.create("shop");
    until("the leader has filled the new database", || group.nodes.iter().all(|node| count(node) == Some(30)));
    check_answers(group, 30);
}

#[test]
fn merged_and_erased_persons_reach_the_database_through_any_node() {
    let database = Database::start();
    let group = start(&database, 2);
    let leader = group.until_led();
    let (leader, follower) = (&group.nodes[leader], &group.nodes[1 - leader]);
    // The visitors 4 and 5: only the second one has an e-mail.
    send(follower, 4..6);
    let customers = |node: &Collector| answers(node).map(|answers| answers.concat());
    until("the database has the e-mail", || customers(follower).is_some_and(|text| text.contains("a5@x.com")));
    let mut identify = event(10);
    identify["visitorId"] = "v4".into();
    send_all(leader, &[identify]);
    until("the earlier visit of the first one belongs to the e-mail", || {
        customers(follower).is_some_and(|text| text.contains(r#""label":"a10@x.com","value":2"#))
    });
    until("the person is erased", || follower.erase("a10@x.com") == Some(200));
    let stored = || {
        let names = database.execute("SELECT name FROM system.tables WHERE database = 'shop'");
        names.lines().map(|name| database.execute(&format!("SELECT * FROM shop.{name}"))).collect::<String>()
    };
    until("the tables contain nothing of the person", || {
        let now = stored();
        now.contains("a5@x.com") && !now.contains("a10@x.com") && !now.contains("v4")
    });
    assert_eq!(until_answered(leader), until_answered(follower));
}
