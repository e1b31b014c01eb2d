//! What may happen on a shop's day, one step at a time, and schedules of it by chance.

use proptest::prelude::*;
use tillroll::{Millis, delivery};

use crate::world::TABS;

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Call(usize),
    /// A page that is left before its core has come: the shim has kept its call, and that is all.
    Glimpse(usize),
    Pass(Millis),
    Jump(i64),
    End(usize, Outcome),
    Reload(usize, Beacon),
    Crash(usize),
    Hide(usize),
    /// Into the browser's cache.
    Leave(usize, Beacon),
    /// The browser saves power on this tab.
    Sleep(usize),
    /// Ends what the last two began.
    Return(usize),
    Online(usize),
    /// What another tab has said arrives.
    Hear(usize, Hearing),
    /// The disk has no room, or has room again.
    Full(bool),
}

/// How a request ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Stored,
    StoredUnheard,
    Lost,
    Status(u16, Option<Millis>),
    Portal,
}

/// What becomes of a beacon.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Beacon {
    Stored,
    Lost,
}

/// What becomes of a message between tabs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hearing {
    Once,
    Twice,
    Lost,
    /// After the one behind it.
    Late,
}

impl Step {
    /// Returns whether the calls of one tab may be stored in another order than theirs because of this: what pages keep sorts by a clock,
    /// and what the owner of the queue never heard of is sent later by the tab that it is of.
    pub(crate) fn disturbs_order(&self) -> bool {
        match self {
            Self::Jump(time) => *time < 0,
            Self::Hear(_, hearing) => !matches!(hearing, Hearing::Once),
            Self::Sleep(_) | Self::Full(_) => true,
            _ => false,
        }
    }
}

pub(crate) fn schedules() -> impl Strategy<Value = Vec<Step>> {
    let tab = 0..TABS;
    let outcome = prop_oneof![
        4 => Just(Outcome::Stored),
        2 => Just(Outcome::StoredUnheard),
        2 => Just(Outcome::Lost),
        1 => (prop::sample::select(vec![408, 429, 500, 502, 503, 504, 404]), prop::option::of(0..120_000_u64)).prop_map(|(status, asked)| Outcome::Status(status, asked)),
        1 => Just(Outcome::Portal),
    ];
    let beacon = prop_oneof![Just(Beacon::Stored), Just(Beacon::Lost)];
    let hearing = prop_oneof![20 => Just(Hearing::Once), 1 => Just(Hearing::Twice), 1 => Just(Hearing::Lost), 1 => Just(Hearing::Late)];
    let step = prop_oneof![
        8 => tab.clone().prop_map(Step::Call),
        1 => tab.clone().prop_map(Step::Glimpse),
        6 => (0..3 * delivery::REQUEST_TIMEOUT_MS).prop_map(Step::Pass),
        1 => (-100_000_i64..100_000_000).prop_map(Step::Jump),
        5 => (tab.clone(), outcome).prop_map(|(tab, outcome)| Step::End(tab, outcome)),
        2 => (tab.clone(), beacon.clone()).prop_map(|(tab, beacon)| Step::Reload(tab, beacon)),
        1 => tab.clone().prop_map(Step::Crash),
        1 => tab.clone().prop_map(Step::Hide),
        1 => (tab.clone(), beacon).prop_map(|(tab, beacon)| Step::Leave(tab, beacon)),
        1 => tab.clone().prop_map(Step::Sleep),
        2 => tab.clone().prop_map(Step::Return),
        1 => tab.clone().prop_map(Step::Online),
        12 => (tab, hearing).prop_map(|(tab, hearing)| Step::Hear(tab, hearing)),
        1 => prop_oneof![1 => Just(true), 2 => Just(false)].prop_map(Step::Full),
    ];
    prop::collection::vec(step, 0..160)
}
