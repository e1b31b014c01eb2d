//! How the sync task shares the processors with requests: when changes gather, when the task pauses, and when it has nothing to do.

use std::time::Duration;

/// The pauses of the sync task. The default is for production.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How long changes gather into a batch. With the time for two batches, records stay younger than two seconds.
    pub batch_delay: Duration,
    /// After so long without changes the task looks whether a shared database was emptied, and lets an embedded one prepare for queries; then again
    /// after the same time.
    pub idle_interval: Duration,
    /// While many events arrive, the task pauses after a step for this many times as long as the step took. A low priority alone does not suffice:
    /// the system lets a thread that has begun continue for a millisecond or more, and the threads of requests, which often wait for the disk,
    /// then wait for it too.
    pub pause_factor: u32,
    /// Fewer events during one step are not many.
    pub min_arrived: i64,
    /// The longest such pause.
    pub max_pause: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            batch_delay: Duration::from_millis(1_200),
            idle_interval: Duration::from_secs(5),
            pause_factor: 9,
            min_arrived: 500,
            max_pause: Duration::from_secs(5),
        }
    }
}

impl Pace {
    /// Returns how long requests go first after a step, which took this long and applied this many events while others arrived: as long as makes
    /// the steps a tenth of the time, or not at all if they are less than that.
    pub(super) fn pause_for_requests(&self, took: Duration, applied: i64, arrived: i64) -> Duration {
        let is_many = arrived >= self.min_arrived && arrived.saturating_mul(1 + i64::from(self.pause_factor)) >= applied;
        if is_many { took.saturating_mul(self.pause_factor).min(self.max_pause) } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_take_a_tenth_of_the_time_while_many_events_arrive() {
        let millis = Duration::from_millis;
        for (took, applied, arrived, expected) in [
            (millis(100), 20_000, 2_000, millis(900)),
            (millis(100), 20_000, 1_999, Duration::ZERO),
            (millis(100), 100, 500, millis(900)),
            (millis(100), 100, 499, Duration::ZERO),
            (millis(100), 0, 1, Duration::ZERO),
            (millis(900), 60_000, 90_000, Duration::from_secs(5)),
        ] {
            assert_eq!(Pace::default().pause_for_requests(took, applied, arrived), expected, "{took:?} {applied} {arrived}");
        }
    }
}
