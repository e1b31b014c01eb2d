//! Kills under load: nothing that was acknowledged is lost, nothing is stored twice, and all nodes are equal in the end.

use std::time::Duration;

use tillroll_collector::clock::Stopwatch;

use crate::group::{Group, until};
use crate::senders::{Senders, check, event};

/// How many faults there are.
fn faults() -> usize {
    if std::env::var_os("TILLROLL_LONG").is_some() { 300 } else { 8 }
}

#[test]
fn members_that_are_killed_under_load_lose_nothing() {
    let group = Group::start(3);
    let senders = Senders::default();
    let acknowledged = senders.run(&group, 3, |senders| {
        senders.until_more(100);
        for fault in 0..faults() {
            match fault % 4 {
                // The server that leads the log.
                0 => {
                    let mut leader = None;
                    until("a server leads the log", || {
                        leader = group.nats.lock().unwrap().leader("tillroll");
                        leader.is_some()
                    });
                    with_killed_server(&group, senders, leader.unwrap());
                }
                1 => with_killed_node(&group, senders, fault / 4 % 3),
                2 => with_killed_server(&group, senders, fault / 4 % 3),
                // The collector that is the leader.
                _ => {
                    let leader = group.leaders().first().copied();
                    with_killed_node(&group, senders, leader.unwrap_or_default());
                }
            }
        }
    });
    check(&group.until_equal(acknowledged.len()), &acknowledged);
}

fn with_killed_server(group: &Group, senders: &Senders, server: usize) {
    group.nats.lock().unwrap().kill(server);
    senders.until_more(60);
    group.nats.lock().unwrap().restart(server);
    senders.until_more(20);
}

fn with_killed_node(group: &Group, senders: &Senders, node: usize) {
    group.nodes[node].kill();
    senders.until_more(60);
    group.nodes[node].start();
    group.nodes[node].until_ready();
    senders.until_more(20);
}

#[test]
fn without_a_quorum_requests_are_refused_at_once_and_come_in_later() {
    let group = Group::start(2);
    let [first, second] = [&group.nodes[0], &group.nodes[1]];
    let events: Vec<_> = (0..10).map(event).collect();
    assert_eq!(first.send(&events).unwrap().0, 200);
    for server in [1, 2] {
        group.nats.lock().unwrap().kill(server);
    }
    // The first refusal ends the attempts of a short time.
    until("requests are refused", || first.send(&[event(11)]).is_some_and(|(status, ..)| status == 503));
    let mut shortest = Duration::MAX;
    for _ in 0..5 {
        let watch = Stopwatch::start();
        let (status, retry_after, body) = first.send(&[event(11)]).unwrap();
        shortest = shortest.min(watch.elapsed());
        assert!(status == 503 && retry_after.is_some(), "{status} {retry_after:?} {body}");
    }
    assert!(shortest < Duration::from_millis(500), "{shortest:?}");
    until("the node is not ready", || !first.is_ready());
    // What was stored before can still be read.
    assert_eq!(first.get("/export/events", Some(&first.owner())).unwrap().0, 200);
    for server in [1, 2] {
        group.nats.lock().unwrap().restart(server);
    }
    until("requests are accepted again", || first.send(&[event(11)]).is_some_and(|(status, ..)| status == 200));
    until("both nodes are ready", || first.is_ready() && second.is_ready());
    assert_eq!(group.until_equal(11).lines().count(), 11);
}
