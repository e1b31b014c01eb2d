//! A group that forwards events to a vendor: the leader sends them, and the next one continues after the last.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use async_nats::jetstream;
use serde_json::{Value, json};
use tillroll_cluster::{Collector, Signal, id, until};
use tokio::runtime::Runtime;

use crate::group::{Group, PROGRAM, run_program};
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
    Group::start_with(2, &variables(vendor))
}

/// The settings with which a collector forwards.
fn variables(vendor: &Vendor) -> [(&'static str, &str); 2] {
    [("TILLROLL_FORWARD_OMETRIA", &vendor.url), ("TILLROLL_OMETRIA_CREDENTIALS", "name:secret")]
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

/// Returns the position of forwarding in the data folder.
fn position(node: &Collector) -> String {
    std::fs::read_to_string(node.data.join(format!("forwarded.{}", node.token().unwrap()))).unwrap_or_default()
}

/// Stores events, waits until they are forwarded and these folders have the position, and returns the ids of the requests.
fn forward(vendor: &Vendor, nodes: &[&Collector], numbers: std::ops::Range<u64>) -> Vec<String> {
    let (before, last) = (position(nodes[0]), numbers.end - 1);
    store(nodes[0], numbers);
    let requests = vendor.receive_until_accepted(&id(last));
    until("the data folders have the position", || {
        let now = position(nodes[0]);
        now != before && now.ends_with(" 0\n") && nodes.iter().all(|node| position(node) == now)
    });
    accepted(&requests)
}

#[test]
fn a_node_that_leaves_continues_after_the_group_and_a_new_log_on_the_same_servers_after_the_node() {
    let (vendor, _) = vendor();
    let group = start(&vendor);
    let [first, second] = [&group.nodes[0], &group.nodes[1]];
    group.until_led();
    let mut ids = forward(&vendor, &[first, second], 0..5);
    ids.extend(forward(&vendor, &[second, first], 5..10));
    group.nodes.iter().for_each(|node| node.process.kill());
    let leave = || assert!(run_program(&["leave", "--data", first.data.to_str().unwrap()]).status.success());
    leave();
    // What the group had forwarded before stays forwarded.
    let alone = Collector::new(PROGRAM.as_ref(), group.folder.path(), "collector-0", &variables(&vendor));
    alone.start().and_then(|()| alone.wait_until_ready()).unwrap();
    ids.extend(forward(&vendor, &[&alone], 10..15));
    alone.process.kill();
    // The servers still have the position of the old log.
    let url = format!("nats://127.0.0.1:{}", group.nats.servers[0].port);
    let delete = async { jetstream::new(async_nats::connect(url).await.unwrap()).delete_stream("tillroll").await.unwrap() };
    assert!(Runtime::new().unwrap().block_on(delete).success);
    first.start().and_then(|()| first.wait_until_ready()).unwrap();
    group.until_led();
    ids.extend(forward(&vendor, &[first], 15..20));
    assert_eq!(ids, (0..20).map(id).collect::<Vec<_>>());
}
