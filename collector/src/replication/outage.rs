//! When a repeated failure is reported: once, after it has lasted. A server of the log that stops is replaced within seconds.

use std::time::Duration;

use crate::clock::Stopwatch;

/// How long a failure has to last.
const MIN_DURATION: Duration = Duration::from_secs(5);

/// The current failure.
#[derive(Default)]
pub(super) struct Outage {
    since: Option<Stopwatch>,
    is_reported: bool,
}

impl Outage {
    /// Records a failure, and returns whether it is to be reported now.
    pub(super) fn failed(&mut self) -> bool {
        let is_due = !self.is_reported && self.since.get_or_insert_with(Stopwatch::start).elapsed() >= MIN_DURATION;
        self.is_reported |= is_due;
        is_due
    }

    /// Records a success.
    pub(super) fn ended(&mut self) {
        *self = Self::default();
    }
}
