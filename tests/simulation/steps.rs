//! The steps of a simulation, and random sequences of steps.

use proptest::prelude::*;
use tillroll::{Millis, delivery};

use crate::simulation::TABS;

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Call(usize),
    /// The browser returns the stored entries that the tab has requested.
    FinishRestore(usize),
    /// The browser answers the tab's request for the lock of the leader.
    AnswerLock(usize),
    /// A page that closes before its core has loaded: only the call is stored.
    InterruptedLoad(usize),
    AdvanceTime(Millis),
    JumpClock(i64),
    EndRequest(usize, RequestOutcome),
    Reload(usize, BeaconOutcome),
    Crash(usize),
    Hide(usize),
    /// The page enters the back/forward cache.
    EnterCache(usize, BeaconOutcome),
    /// The browser freezes the tab to save power.
    Freeze(usize),
    /// The page leaves the cache, or the tab is no longer frozen.
    Resume(usize),
    Online(usize),
    /// A message of another tab arrives.
    DeliverMessage(usize, MessageDelivery),
    /// The disk becomes full, or has space again.
    SetDiskFull(bool),
}

/// The end of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RequestOutcome {
    Stored,
    StoredWithoutResponse,
    Lost,
    Status(u16, Option<u32>),
    CaptivePortal,
}

/// The end of a beacon.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BeaconOutcome {
    Stored,
    Lost,
}

/// The delivery of a message between tabs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MessageDelivery {
    Once,
    Twice,
    Lost,
    /// After the next message.
    Reordered,
}

impl Step {
    /// Returns whether this step may change the order in which the calls of one tab are stored: stored entries sort by a clock, and an event
    /// whose message the leader has not received is sent later, by its own tab.
    pub(crate) fn may_reorder(&self) -> bool {
        match self {
            Self::JumpClock(time) => *time < 0,
            Self::DeliverMessage(_, delivery_mode) => !matches!(delivery_mode, MessageDelivery::Once),
            Self::Freeze(_) | Self::SetDiskFull(_) => true,
            _ => false,
        }
    }
}

pub(crate) fn step_sequences() -> impl Strategy<Value = Vec<Step>> {
    let tab = 0..TABS;
    let outcome = prop_oneof![
        4 => Just(RequestOutcome::Stored),
        2 => Just(RequestOutcome::StoredWithoutResponse),
        2 => Just(RequestOutcome::Lost),
        1 => (prop::sample::select(vec![408, 429, 500, 502, 503, 504, 404]), prop::option::of(0..120_u32)).prop_map(|(status, retry_after)| RequestOutcome::Status(status, retry_after)),
        1 => Just(RequestOutcome::CaptivePortal),
    ];
    let beacon = prop_oneof![Just(BeaconOutcome::Stored), Just(BeaconOutcome::Lost)];
    let delivery_mode = prop_oneof![20 => Just(MessageDelivery::Once), 1 => Just(MessageDelivery::Twice), 1 => Just(MessageDelivery::Lost), 1 => Just(MessageDelivery::Reordered)];
    let step = prop_oneof![
        8 => tab.clone().prop_map(Step::Call),
        2 => tab.clone().prop_map(Step::InterruptedLoad),
        8 => tab.clone().prop_map(Step::FinishRestore),
        6 => tab.clone().prop_map(Step::AnswerLock),
        6 => (0..3 * delivery::REQUEST_TIMEOUT_MS).prop_map(Step::AdvanceTime),
        1 => (-100_000_i64..100_000_000).prop_map(Step::JumpClock),
        5 => (tab.clone(), outcome).prop_map(|(tab, outcome)| Step::EndRequest(tab, outcome)),
        2 => (tab.clone(), beacon.clone()).prop_map(|(tab, beacon)| Step::Reload(tab, beacon)),
        1 => tab.clone().prop_map(Step::Crash),
        1 => tab.clone().prop_map(Step::Hide),
        1 => (tab.clone(), beacon).prop_map(|(tab, beacon)| Step::EnterCache(tab, beacon)),
        1 => tab.clone().prop_map(Step::Freeze),
        2 => tab.clone().prop_map(Step::Resume),
        1 => tab.clone().prop_map(Step::Online),
        12 => (tab, delivery_mode).prop_map(|(tab, delivery_mode)| Step::DeliverMessage(tab, delivery_mode)),
        1 => prop_oneof![1 => Just(true), 2 => Just(false)].prop_map(Step::SetDiskFull),
    ];
    prop::collection::vec(step, 0..160)
}
