//! The leader: one at a time, and the next one begins only when the previous one has stopped.

use async_nats::jetstream;
use tillroll_cluster::{Signal, until};
use tokio::runtime::Runtime;

use crate::group::Group;

#[test]
fn a_leader_that_stops_hands_the_lease_over() {
    let group = Group::start(2);
    until("one node is the leader", || group.leaders().len() == 1);
    let first = group.leaders()[0];
    group.nodes[first].process.signal(Signal::TERM).unwrap();
    assert!(group.nodes[first].process.wait().unwrap());
    let other = &group.nodes[1 - first];
    until("the other node is the leader", || other.metric("tillroll_leader") == Some(1.0));
    group.nodes[first].start().unwrap();
    group.nodes[first].wait_until_ready().unwrap();
    assert_eq!(group.leaders(), [1 - first]);
}

#[test]
fn a_leader_that_was_paused_is_none_when_it_wakes_up() {
    let group = Group::start(2);
    until("one node is the leader", || group.leaders().len() == 1);
    let first = group.leaders()[0];
    let (paused, other) = (&group.nodes[first], &group.nodes[1 - first]);
    let fence = other.metric("tillroll_leader_fence");
    assert_eq!(fence, Some(0.0));
    let first_fence = paused.metric("tillroll_leader_fence").unwrap();
    paused.process.signal(Signal::STOP).unwrap();
    until("the other node is the leader", || other.metric("tillroll_leader") == Some(1.0));
    let second_fence = other.metric("tillroll_leader_fence").unwrap();
    assert!(second_fence > first_fence, "{second_fence} {first_fence}");
    paused.process.signal(Signal::CONT).unwrap();
    // From its first moment on it must not do what the leader does.
    let mut woken = None;
    until("the paused node answers", || {
        woken = paused.metric("tillroll_leader");
        woken.is_some()
    });
    assert_eq!((woken, other.metric("tillroll_leader")), (Some(0.0), Some(1.0)));
}

#[test]
fn a_group_whose_key_value_store_was_deleted_elects_a_leader_in_a_new_one() {
    let group = Group::start(2);
    until("one node is the leader", || group.leaders().len() == 1);
    let url = format!("nats://127.0.0.1:{}", group.nats.servers[0].port);
    let delete = async { jetstream::new(async_nats::connect(url).await.unwrap()).delete_key_value("tillroll-group").await };
    Runtime::new().unwrap().block_on(delete).unwrap();
    // The term of the leader ends before the next one begins.
    let at_most_one = |wanted| {
        let leaders = group.leaders().len();
        assert!(leaders <= 1);
        leaders == wanted
    };
    until("no node is the leader", || at_most_one(0));
    until("one node is the leader again", || at_most_one(1));
}
