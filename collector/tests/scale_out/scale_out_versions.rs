//! Two versions in one group, while its nodes are replaced one by one.

use std::collections::BTreeSet;

use tillroll_cluster::questions::{MAX_PERIOD, count};
use tillroll_cluster::{Collector, Stored, event, until};

use crate::database::Database;
use crate::group::Group;
use crate::other_version::Translation;

/// Sends events until a node accepts them.
fn send(node: &Collector, numbers: std::ops::Range<u64>) {
    let (token, events) = (node.token().unwrap(), numbers.map(event).collect::<Vec<_>>());
    until("events are acknowledged", || node.send(&token, &events).status == 200);
}

/// Starts a node again, with another version installed.
fn replace(node: &Collector, variable: (&str, &str)) {
    node.process.kill();
    node.start_with(&[variable]).unwrap();
    node.wait_until_ready().unwrap();
}

/// Returns the addresses of the log for a version that applies and writes the entries of the next version.
fn log_of_next_version(group: &Group) -> String {
    let [this, next] = [1, 2].map(|version| [b"tr".as_slice(), &[version]].concat());
    let translation = Translation { sent: vec![(this.clone(), next.clone())], received: vec![(next, this)] };
    let addresses = group.nats.servers.iter().map(|server| format!("nats://127.0.0.1:{}", translation.open(server.port)));
    addresses.collect::<Vec<_>>().join(",")
}

#[test]
fn a_node_that_meets_entries_of_the_next_version_waits_until_it_is_replaced_and_loses_nothing() {
    let group = Group::start(2);
    let [first, second] = [&group.nodes[0], &group.nodes[1]];
    let next = log_of_next_version(&group);
    send(first, 0..10);
    replace(first, ("TILLROLL_LOG", &next));
    // The next version applies what this one writes.
    send(second, 10..20);
    let before = group.until_equal(20);
    send(first, 20..30);
    until("the node of this version is not ready and names the reason", || {
        second.get("/readyz", None).is_some_and(|(status, text)| {
            status == 503 && text.contains("the entry has version 2") && text.contains("install the version that wrote it")
        })
    });
    let refused = second.send(&second.token().unwrap(), &[event(100)]);
    assert!(refused.status == 503 && refused.retry_after.is_some() && refused.body.contains("version 2"), "{refused:?}");
    assert_eq!(second.exports().unwrap()[0], before);
    until("the other node leads", || group.leaders() == [0]);
    send(first, 30..40);
    replace(second, ("TILLROLL_LOG", &next));
    send(second, 40..50);
    let events = group.until_equal(50);
    Stored::new(&events, &(0..50).collect::<BTreeSet<_>>()).assert_complete();
}

#[test]
fn the_version_of_the_leader_decides_which_nodes_answer_from_clickhouse() {
    let database = Database::start();
    let address = database.create("shop");
    let group = Group::start_with(2, &[("TILLROLL_ANALYTICS", &address), MAX_PERIOD]);
    let leader = group.until_led();
    let (old, new) = (&group.nodes[leader], &group.nodes[1 - leader]);
    send(new, 0..20);
    until("both nodes answer", || count(old) == Some(20) && count(new) == Some(20));
    // A version with other tables expects another fingerprint.
    let own = database.execute("SELECT DISTINCT fingerprint FROM shop.projection").trim().as_bytes().to_vec();
    let other = vec![b'f'; own.len()];
    let received = vec![(own.clone(), other.clone()), (other.clone(), own.clone())];
    let port = Translation { sent: vec![(own, other)], received }.open(database.port);
    replace(new, ("TILLROLL_ANALYTICS", &address.replace(&database.port.to_string(), &port.to_string())));
    send(new, 20..40);
    until("the leader has filled the database", || count(old) == Some(40));
    assert_eq!((count(new), new.is_ready()), (None, true));
    old.process.kill();
    until("the other version fills the database", || count(new) == Some(40));
    old.start().unwrap();
    old.wait_until_ready().unwrap();
    send(old, 40..60);
    until("the other version has filled the database", || count(new) == Some(60));
    assert_eq!((count(old), old.is_ready()), (None, true));
    assert_eq!(group.until_equal(60).lines().count(), 60);
}
