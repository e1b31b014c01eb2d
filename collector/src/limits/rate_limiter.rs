//! A rate limiter (GCRA): a number of requests per second for each key, with a burst of a few seconds' worth.
//!
//! A table of fixed size holds, for each slot, the theoretical arrival time: when everything admitted so far would have arrived at the
//! steady rate. A request is admitted while that time is less than the burst ahead of now. A keyed hash chooses the slot, so a client
//! cannot choose to collide with another one. The table never grows and is never cleared.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::clock::Stopwatch;

/// How many seconds' worth of requests may arrive at once.
const BURST_SECS: u64 = 5;

const NANOS_PER_SEC: u64 = 1_000_000_000;

/// A rate limit for keys of one kind.
pub(super) struct RateLimiter {
    /// The time between two requests at the steady rate, in nanoseconds; 0 means no limit.
    interval_nanos: u64,
    slots: Box<[AtomicU64]>,
    hasher: RandomState,
    since: Stopwatch,
}

impl RateLimiter {
    /// Allows `per_second` requests for each key; 0 means no limit.
    pub(super) fn new(per_second: u32, slots: usize) -> Self {
        let interval_nanos = if per_second == 0 { 0 } else { (NANOS_PER_SEC / u64::from(per_second)).max(1) };
        let slots = if interval_nanos == 0 { 0 } else { slots.max(1) };
        Self {
            interval_nanos,
            slots: (0..slots).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
            since: Stopwatch::start(),
        }
    }

    /// Counts a request, or returns after how many seconds the next one will be admitted.
    pub(super) fn check(&self, key: impl Hash) -> Result<(), u64> {
        if self.interval_nanos == 0 {
            return Ok(());
        }
        self.check_at(key, u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn check_at(&self, key: impl Hash, now: u64) -> Result<(), u64> {
        let index = usize::try_from(self.hasher.hash_one(key)).unwrap_or_default() % self.slots.len().max(1);
        let Some(slot) = self.slots.get(index) else { return Ok(()) };
        let admit =
            |arrival: u64| (arrival.saturating_sub(now) < BURST_SECS * NANOS_PER_SEC).then(|| arrival.max(now) + self.interval_nanos);
        match slot.fetch_update(Relaxed, Relaxed, admit) {
            Ok(_) => Ok(()),
            Err(arrival) => Err((arrival.saturating_sub(now) - BURST_SECS * NANOS_PER_SEC).div_ceil(NANOS_PER_SEC).max(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_admitted_and_then_the_steady_rate() {
        let limiter = RateLimiter::new(2, 64);
        let admitted = (0..100).take_while(|_| limiter.check_at("a", 0).is_ok()).count();
        assert_eq!(admitted, 10);
        assert_eq!(limiter.check_at("a", 0), Err(1));
        assert_eq!(limiter.check_at("a", NANOS_PER_SEC / 2), Ok(()));
        assert_eq!(limiter.check_at("a", NANOS_PER_SEC / 2), Err(1));
        assert_eq!((0..100).take_while(|_| limiter.check_at("a", 100 * NANOS_PER_SEC).is_ok()).count(), 10);
    }

    #[test]
    fn keys_are_limited_independently() {
        let limiter = RateLimiter::new(1, 1 << 16);
        let unaffected = (0..100).filter(|key| (0..5).all(|_| limiter.check_at(key, 0).is_ok())).count();
        assert!(unaffected >= 98, "{unaffected}");
    }

    #[test]
    fn a_rate_of_zero_limits_nothing() {
        assert!((0..1_000_000).all(|_| RateLimiter::new(0, 64).check("a").is_ok()));
    }
}
