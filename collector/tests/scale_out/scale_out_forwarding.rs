//! A group that forwards events to a vendor: the leader sends them, and the next one continues after the last.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use serde_json::{Value, json};
use tillroll_cluster::{Collector, Signal, id, until};

use crate::group::Group;
use crate::vendor::{Reaction, Received, Vendor};

/// Opens a server that is unavailable while the returned value is true.
fn vendor() -> (Vendor, Arc<AtomicBool>) {
    let is_down = Arc::new(AtomicBool::new(false));
    let is_down_now = Arc::clone(&is_down);
    let react = move |_: &Value| if is_down_now.load(Relaxed) { Reaction::Respond("503 Service Unavailable") } else { Reaction::Accept };
    (Vendor::reacting(TcpListener::bind("127.0.0.1:0").unwrap(), react), is_down)
}

/// Starts a group that forwards.
fn start(vendor: &Vendor) -> Group {
    Group::start_with(2, &[("TILLROLL_FORWARD_OMETRIA", &vendor.url), ("TILLROLL_OMETRIA_CREDENTIALS", "name:secret")])
}

/// Stores events that are forwarded.
fn store(node: &Collector, numbers: std::ops::Range<u64>) {
    let event = |number: u64| {
        let (time, params) = (1_600_000_000_000 + number, json!({"product_id": number.to_string(), "quantity": 1}));
        json!({"id": id(number), "type": "basket_add", "api": "ometria", "time": time, "visitorId": "v", "sessionId": "s", "params": params})
    };
    let (token, events) = (node.token().unwrap(), numbers.map(event).collect::<Vec<_>>());
    until("events are acknowledged", || node.send(&token, &events).status == 200);
}

/// Returns the ids of the accepted requests.
fn accepted(requests: &[Received]) -> Vec<String> {
    let accepted = requests.iter().filter(|request| request.reaction == Reaction::Accept);
    accepted.map(|request| request.body["request_id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_event_is_forwarded_in_order_while_leaders_are_stopped_and_killed() {
    const ROUND: u64 = 200;
    let (vendor, _) = vendor();
    let group = start(&vendor);
    let mut requests = Vec::new();
    for (round, signal) in (0..).zip([Signal::TERM, Signal::KILL, Signal::TERM]) {
        let leader = group.until_led();
        let first = round * ROUND;
        store(&group.nodes[1 - leader], first..first + ROUND);
        requests.extend(vendor.receive_until_accepted(&id(first + ROUND / 4)));
        // It is in the middle of its work.
        group.nodes[leader].process.signal(signal).unwrap();
        let _ = group.nodes[leader].process.wait();
        requests.extend(vendor.receive_until_accepted(&id(first + ROUND - 1)));
        group.nodes[leader].start().unwrap();
        group.nodes[leader].wait_until_ready().unwrap();
    }
    let mut ids = accepted(&requests);
    // Only the request that was on its way when a leader ended may arrive again.
    assert!(ids.len() as u64 <= 3 * ROUND + 3, "{} requests", ids.len());
    ids.dedup();
    assert_eq!(ids, (0..3 * ROUND).map(id).collect::<Vec<_>>());
}

#[test]
fn events_that_arrive_before_there_is_a_leader_are_forwarded() {
    let (vendor, _) = vendor();
    let group = start(&vendor);
    store(&group.nodes[0], 0..5);
    let requests = vendor.receive_until_accepted(&id(4));
    assert_eq!(accepted(&requests), (0..5).map(id).collect::<Vec<_>>());
}

#[test]
fn a_request_that_a_former_leader_would_repeat_is_sent_by_the_next_one_only() {
    let (vendor, is_down) = vendor();
    let group = start(&vendor);
    let paused = group.until_led();
    let (paused, next) = (&group.nodes[paused], &group.nodes[1 - paused]);
    is_down.store(true, Relaxed);
    store(next, 1..2);
    until("the server has refused the request", || {
        vendor.requests.try_iter().any(|request| request.reaction != Reaction::Accept && request.body["request_id"] == id(1))
    });
    paused.process.signal(Signal::STOP).unwrap();
    until("the other node is the leader", || next.metric("tillroll_leader") == Some(1.0));
    is_down.store(false, Relaxed);
    let mut requests = vendor.receive_until_accepted(&id(1));
    paused.process.signal(Signal::CONT).unwrap();
    // It has decided what to do with the request that it would have repeated.
    until("the paused node has stopped to forward", || {
        std::fs::read_to_string(paused.process.log()).is_ok_and(|log| log.contains("forwarding was interrupted"))
    });
    store(paused, 2..3);
    requests.extend(vendor.receive_until_accepted(&id(2)));
    assert_eq!(accepted(&requests), [id(1), id(2)]);
}
