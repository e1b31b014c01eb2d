//! The tracker and the collector's decoder in one process, under random faults.
//!
//! Tabs call, reload, crash, freeze and close; one is the leader. Messages between tabs are lost, reordered or delivered twice. Requests are
//! lost, answered late or by a captive portal, or stored without a response. The disk fills up, and the clock jumps. Then one page opens with a
//! working connection. Each call must be stored once, except calls that the full disk has lost. The calls of each tab must be in order,
//! unless a step [may reorder](Step::may_reorder) them.

mod simulation;
mod steps;
mod wire;

use std::collections::HashSet;

use proptest::prelude::*;
use simulation::{Simulation, TABS};
use steps::{MessageDelivery, RequestOutcome, Step, step_sequences};
use tillroll::{delivery, queue};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn each_call_is_stored_once_and_in_order(steps in step_sequences()) {
        let mut simulation = Simulation::new();
        let is_reordered = steps.iter().any(Step::may_reorder);
        steps.into_iter().for_each(|step| simulation.step(step));
        simulation.run_to_idle();
        for tab in (0..TABS).filter(|_| !is_reordered && !simulation.has_foreign_calls) {
            let of_tab: Vec<&String> = simulation.stored.iter().filter(|name| name.starts_with(&format!("{tab}-"))).collect();
            prop_assert!(of_tab.is_sorted(), "out of order: {of_tab:?}");
        }
        let stored: HashSet<&String> = simulation.stored.iter().collect();
        prop_assert_eq!(stored.len(), simulation.stored.len(), "a call is stored twice");
        let lost: Vec<&String> = simulation.calls.iter().filter(|name| !stored.contains(name) && !simulation.lost_on_full_disk.contains(name)).collect();
        prop_assert!(lost.is_empty(), "lost: {lost:?}");
        prop_assert!(simulation.stored.iter().all(|name| simulation.calls.contains(name)));
        prop_assert_eq!(simulation.disk.len(), 0, "an entry stays in the store");
    }

    #[test]
    fn same_inputs_give_the_same_effects(steps in step_sequences()) {
        let run = || {
            let mut simulation = Simulation::new();
            steps.iter().cloned().for_each(|step| simulation.step(step));
            (simulation.disk, simulation.stored, simulation.saved)
        };
        prop_assert_eq!(run(), run());
    }
}

fn deliver_all(simulation: &mut Simulation) {
    for _ in 0..10 {
        (0..TABS).for_each(|tab| simulation.finish_restore(tab));
        (0..TABS).for_each(|tab| simulation.answer_lock(tab));
        (0..TABS).for_each(|tab| simulation.step(Step::DeliverMessage(tab, MessageDelivery::Once)));
    }
}

fn requests(simulation: &Simulation) -> Vec<usize> {
    simulation.tabs.iter().map(|tab| tab.requests.len()).collect()
}

/// Returns a simulation of three idle tabs; the first is the leader.
fn idle_simulation() -> Simulation {
    let mut simulation = Simulation::new();
    for _ in 0..4 {
        deliver_all(&mut simulation);
        simulation.advance(delivery::LEADER_TIMEOUT_MS);
        (0..TABS).for_each(|tab| simulation.end_request(tab, RequestOutcome::Stored));
    }
    deliver_all(&mut simulation);
    assert!(simulation.tabs.iter().all(|tab| tab.timer.is_none() && tab.requests.is_empty()), "idle tabs set no timer");
    simulation
}

#[test]
fn idle_tracker_sets_no_timer() {
    let mut simulation = Simulation::new();
    simulation.step(Step::Call(0));
    simulation.run_to_idle();
    assert_eq!(simulation.tabs[0].timer, None);
    assert!(simulation.tabs[0].requests.is_empty() && simulation.disk.is_empty());
}

#[test]
fn leader_sends_for_all_tabs() {
    let mut simulation = idle_simulation();
    (0..TABS).for_each(|tab| simulation.step(Step::Call(tab)));
    deliver_all(&mut simulation);
    simulation.advance(delivery::BATCH_DELAY_MS);
    assert_eq!(requests(&simulation), [1, 0, 0]);
    simulation.end_request(0, RequestOutcome::Stored);
    assert_eq!(simulation.stored.len(), TABS);
    deliver_all(&mut simulation);
    assert!(simulation.disk.is_empty() && simulation.tabs.iter().all(|tab| tab.timer.is_none()));
}

#[test]
fn dropped_events_are_reported_to_the_collector_once() {
    let mut simulation = idle_simulation();
    for _ in 0..queue::MAX_CALLS + 7 {
        simulation.step(Step::Call(0));
    }
    simulation.end_request(0, RequestOutcome::Lost);
    simulation.advance(delivery::REQUEST_TIMEOUT_MS);
    let has_report =
        |simulation: &Simulation| simulation.tabs[0].requests.iter().any(|request| request.body.contains(":dropped\u{1f}#7\u{1f}"));
    assert!(has_report(&simulation));
    simulation.end_request(0, RequestOutcome::Stored);
    assert_eq!(requests(&simulation), [1, 0, 0]);
    assert!(!simulation.tabs[0].requests.iter().any(|request| request.body.contains("dropped")));
    simulation.run_to_idle();
    assert_eq!(simulation.stored.len(), queue::MAX_CALLS);
}

/// What happens in a second tab, in every order: its stored entries arrive, the browser answers the request for the lock, a call is made.
#[test]
fn second_tab_passes_its_calls_to_the_leader_in_every_order() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut simulation = idle_simulation();
        simulation.step(Step::Crash(1));
        for event in order {
            match event {
                0 => simulation.finish_restore(1),
                1 => simulation.answer_lock(1),
                _ => simulation.step(Step::Call(1)),
            }
        }
        deliver_all(&mut simulation);
        simulation.advance(delivery::BATCH_DELAY_MS);
        assert_eq!(requests(&simulation)[0], 1, "{order:?}");
        simulation.end_request(0, RequestOutcome::Stored);
        assert_eq!(simulation.stored, ["1-00000"], "{order:?}");
        deliver_all(&mut simulation);
        assert!(simulation.disk.is_empty(), "{order:?}");
    }
}

/// The calls of an earlier page: an order, an identify, a basket and a custom event.
#[test]
fn two_tabs_that_find_the_same_calls_store_each_once_and_in_order() {
    for (first, second) in [(0, 1), (1, 0)] {
        let mut simulation = Simulation::new();
        deliver_all(&mut simulation);
        (0..4).for_each(|_| simulation.step(Step::InterruptedLoad(2)));
        simulation.now += 1;
        simulation.step(Step::Crash(0));
        simulation.step(Step::Crash(1));
        simulation.finish_restore(first);
        simulation.finish_restore(second);
        deliver_all(&mut simulation);
        for _ in 0..4 {
            simulation.advance(delivery::LEADER_TIMEOUT_MS);
            [second, first].into_iter().for_each(|tab| simulation.end_request(tab, RequestOutcome::Stored));
            deliver_all(&mut simulation);
        }
        assert_eq!(simulation.stored, ["2-00000", "2-00001", "2-00002", "2-00003"]);
    }
}

#[test]
fn tab_of_a_frozen_leader_sends_its_own_events() {
    let mut simulation = idle_simulation();
    simulation.step(Step::Freeze(0));
    simulation.step(Step::Call(1));
    deliver_all(&mut simulation);
    simulation.advance(delivery::LEADER_TIMEOUT_MS - 1);
    assert_eq!(requests(&simulation), [0, 0, 0]);
    simulation.advance(1);
    assert_eq!(requests(&simulation), [0, 1, 0]);
    simulation.end_request(1, RequestOutcome::Stored);
    assert_eq!(simulation.stored, ["1-00000"]);
}

#[test]
fn next_leader_sends_the_events_of_the_previous_one() {
    let mut simulation = idle_simulation();
    (0..TABS).for_each(|tab| simulation.step(Step::Call(tab)));
    deliver_all(&mut simulation);
    simulation.step(Step::Crash(0));
    simulation.finish_restore(1);
    simulation.advance(delivery::BATCH_DELAY_MS);
    assert_eq!(requests(&simulation), [0, 1, 0]);
    simulation.end_request(1, RequestOutcome::Stored);
    assert_eq!(simulation.stored.len(), TABS);
}
