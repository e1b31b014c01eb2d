//! The clock of this crate, and the wait for a condition.

use std::time::{Duration, Instant};

/// The longest time that a condition may need to become true.
const MAX_WAIT: Duration = Duration::from_secs(180);

/// The pause between two polls.
const POLL: Duration = Duration::from_millis(50);

/// Measures a duration.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts the measurement.
    #[expect(clippy::disallowed_methods, reason = "this is the clock file")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Returns the time since the start.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Polls `condition` for at most `limit`. Returns whether it became true.
#[expect(clippy::disallowed_methods, reason = "the pause between two polls")]
pub fn within(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let watch = Stopwatch::start();
    loop {
        if condition() {
            return true;
        }
        if watch.elapsed() >= limit {
            return false;
        }
        std::thread::sleep(POLL.min(limit)); // poll
    }
}

/// Polls `condition` for at most three minutes; panics with `what` if it stays false.
pub fn until(what: &str, condition: impl FnMut() -> bool) {
    assert!(within(MAX_WAIT, condition), "timed out: {what}");
}
