//! Whether the last write succeeded, so that a readiness probe seldom needs a write of its own.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::clock::Stopwatch;

/// How long the result of a write stands for the next one.
const FRESH: Duration = Duration::from_secs(1);

/// The time and the result of the last write.
#[derive(Debug)]
pub(in crate::store) struct WriteHealth {
    since: Stopwatch,
    /// Twice the milliseconds since the start, plus one if the write succeeded; 0 before the first write.
    last: AtomicU64,
}

impl WriteHealth {
    pub(in crate::store) fn new() -> Self {
        Self { since: Stopwatch::start(), last: AtomicU64::new(0) }
    }

    /// Records the result of a write.
    pub(in crate::store) fn record(&self, succeeded: bool) {
        self.last.store((self.millis() << 1) | u64::from(succeeded), Relaxed);
    }

    /// Returns whether the last write succeeded; None if it was too long ago.
    pub(in crate::store) fn recent(&self) -> Option<bool> {
        let last = self.last.load(Relaxed);
        let age = Duration::from_millis(self.millis().saturating_sub(last >> 1));
        (last > 0 && age < FRESH).then_some(last & 1 == 1)
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX >> 1).max(1)
    }
}
