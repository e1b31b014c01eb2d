//! The page's half and the collector's judgement in one process, under every fault that a shop's day has.
//!
//! Tabs call, reload, crash, sleep and close; one of them owns the queue, and what they say to each other is lost, late or heard twice;
//! requests are lost, answered late, answered by somebody else, or stored without the answer coming back; the disk fills up; the clock
//! jumps. Afterwards one page with a sound connection is opened. Then every call is stored, once, except those that the disk had no room for
//! and whose page ended; and each tab's calls are in their order, unless something happened that [`Step::disturbs_order`] names.

mod steps;
mod world;

use std::collections::HashSet;

use proptest::prelude::*;
use steps::{Hearing, Outcome, Step, schedules};
use tillroll::{delivery, queue};
use world::{TABS, World};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_call_is_stored_once_and_in_order(steps in schedules()) {
        let mut world = World::new();
        let disturbed = steps.iter().any(Step::disturbs_order);
        steps.into_iter().for_each(|step| world.step(step));
        world.settle();
        for tab in (0..TABS).filter(|_| !disturbed) {
            let of_tab: Vec<&String> = world.stored.iter().filter(|name| name.starts_with(&format!("{tab}-"))).collect();
            prop_assert!(of_tab.is_sorted(), "out of order: {of_tab:?}");
        }
        let stored: HashSet<&String> = world.stored.iter().collect();
        prop_assert_eq!(stored.len(), world.stored.len(), "something is stored twice");
        let lost: Vec<&String> = world.calls.iter().filter(|name| !stored.contains(name) && !world.unkept.contains(name)).collect();
        prop_assert!(lost.is_empty(), "lost: {lost:?}");
        prop_assert!(world.stored.iter().all(|name| world.calls.contains(name)));
        prop_assert_eq!(world.disk.len(), 0, "something stays kept for ever");
    }

    #[test]
    fn the_same_inputs_give_the_same_effects(steps in schedules()) {
        let run = || {
            let mut world = World::new();
            steps.iter().cloned().for_each(|step| world.step(step));
            (world.disk, world.stored, world.cookies)
        };
        prop_assert_eq!(run(), run());
    }
}

fn hear_all(world: &mut World) {
    for _ in 0..10 {
        (0..TABS).for_each(|tab| world.step(Step::Hear(tab, Hearing::Once)));
    }
}

fn flights(world: &World) -> Vec<usize> {
    world.tabs.iter().map(|tab| tab.flights.len()).collect()
}

/// Three tabs at rest, the first of which owns the queue.
fn at_rest() -> World {
    let mut world = World::new();
    for _ in 0..4 {
        hear_all(&mut world);
        world.pass(delivery::LEADER_TIMEOUT_MS);
        (0..TABS).for_each(|tab| world.end(tab, Outcome::Stored));
    }
    hear_all(&mut world);
    assert!(world.tabs.iter().all(|tab| tab.wake.is_none() && tab.flights.is_empty()), "no cost when idle");
    world
}

#[test]
fn a_tracker_at_rest_asks_for_nothing() {
    let mut world = World::new();
    world.step(Step::Call(0));
    world.settle();
    assert_eq!(world.tabs[0].wake, None);
    assert!(world.tabs[0].flights.is_empty() && world.disk.is_empty());
}

#[test]
fn one_tab_sends_for_all() {
    let mut world = at_rest();
    (0..TABS).for_each(|tab| world.step(Step::Call(tab)));
    hear_all(&mut world);
    world.pass(delivery::BATCH_DELAY_MS);
    assert_eq!(flights(&world), [1, 0, 0]);
    world.end(0, Outcome::Stored);
    assert_eq!(world.stored.len(), TABS);
    hear_all(&mut world);
    assert!(world.disk.is_empty() && world.tabs.iter().all(|tab| tab.wake.is_none()));
}

#[test]
fn what_falls_out_is_told_to_the_collector_once() {
    let mut world = at_rest();
    for _ in 0..queue::MAX_EVENTS + 7 {
        world.step(Step::Call(0));
    }
    world.end(0, Outcome::Lost);
    world.pass(delivery::REQUEST_TIMEOUT_MS);
    let told = |world: &World| world.tabs[0].flights.iter().any(|(_, body)| body.contains("\"dropped\":7,"));
    assert!(told(&world));
    world.end(0, Outcome::Stored);
    assert_eq!(flights(&world), [1, 0, 0]);
    assert!(!world.tabs[0].flights.iter().any(|(_, body)| body.contains("dropped")));
    world.settle();
    assert_eq!(world.stored.len(), queue::MAX_EVENTS);
}

#[test]
fn a_tab_whose_owner_sleeps_sends_for_itself() {
    let mut world = at_rest();
    world.step(Step::Sleep(0));
    world.step(Step::Call(1));
    hear_all(&mut world);
    world.pass(delivery::LEADER_TIMEOUT_MS - 1);
    assert_eq!(flights(&world), [0, 0, 0]);
    world.pass(1);
    assert_eq!(flights(&world), [0, 1, 0]);
    world.end(1, Outcome::Stored);
    assert_eq!(world.stored, ["1-00000"]);
}

#[test]
fn the_next_owner_sends_what_the_last_one_left() {
    let mut world = at_rest();
    (0..TABS).for_each(|tab| world.step(Step::Call(tab)));
    hear_all(&mut world);
    world.step(Step::Crash(0));
    world.pass(delivery::BATCH_DELAY_MS);
    assert_eq!(flights(&world), [0, 1, 0]);
    world.end(1, Outcome::Stored);
    assert_eq!(world.stored.len(), TABS);
}
