//! The log without a quorum: requests are refused, and nothing is lost.

use std::time::Duration;

use serde_json::Value;
use tillroll_cluster::{BatchResult, Stopwatch, event, until};

use crate::group::Group;

#[test]
fn without_a_quorum_requests_are_refused_at_once_and_come_in_later() {
    let group = Group::start(2);
    let [first, second] = [&group.nodes[0], &group.nodes[1]];
    let token = first.token().unwrap();
    let send = |events: &[Value]| first.send(&token, events);
    assert_eq!(send(&(0..10).map(event).collect::<Vec<_>>()).status, 200);
    for server in &group.nats.servers[1..] {
        server.process.kill();
    }
    // The first refusal ends the attempts of a short time.
    until("requests are refused", || send(&[event(11)]).status == 503);
    let mut shortest = Duration::MAX;
    for _ in 0..5 {
        let watch = Stopwatch::start();
        let BatchResult { status, retry_after, body } = send(&[event(11)]);
        shortest = shortest.min(watch.elapsed());
        assert!(status == 503 && retry_after.is_some(), "{status} {retry_after:?} {body}");
    }
    assert!(shortest < Duration::from_millis(500), "{shortest:?}");
    until("the node is not ready", || !first.is_ready());
    // What was stored before can still be read.
    assert_eq!(first.get("/export/events", Some(&first.owner().unwrap())).unwrap().0, 200);
    for server in &group.nats.servers[1..] {
        server.start().unwrap();
    }
    until("requests are accepted again", || send(&[event(11)]).status == 200);
    until("both nodes are ready", || first.is_ready() && second.is_ready());
    assert_eq!(group.until_equal(11).lines().count(), 11);
}
