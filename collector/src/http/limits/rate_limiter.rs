//! How often somebody may ask: so many times a second, with a burst of a few seconds' worth.
//!
//! A table of fixed size holds, for whoever falls into a slot, the moment at which all that was asked so far would have been asked at the
//! steady rate. A request is taken while that moment lies less than the burst ahead. The slot is chosen by a keyed hash, so nobody can
//! aim at somebody else's; however many addresses ask, the table neither grows nor is cleared.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::clock::Stopwatch;

/// How many seconds' worth may come at once.
const BURST_SECONDS: u64 = 5;

const NANOS: u64 = 1_000_000_000;

/// A limit of one kind.
pub(crate) struct RateLimiter {
    /// What one request costs, in nanoseconds; 0 where there is no limit.
    cost: u64,
    slots: Box<[AtomicU64]>,
    hasher: RandomState,
    since: Stopwatch,
}

impl RateLimiter {
    /// Allows everybody `per_second` requests; 0 is no limit.
    pub(crate) fn new(per_second: u32, slots: usize) -> Self {
        let cost = if per_second == 0 { 0 } else { (NANOS / u64::from(per_second)).max(1) };
        let slots = if cost == 0 { 0 } else { slots.max(1) };
        Self { cost, slots: (0..slots).map(|_| AtomicU64::new(0)).collect(), hasher: RandomState::new(), since: Stopwatch::start() }
    }

    /// Counts a request, or returns after how many seconds one will be taken.
    pub(crate) fn take(&self, who: impl Hash) -> Result<(), u64> {
        if self.cost == 0 {
            return Ok(());
        }
        self.take_at(who, u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn take_at(&self, who: impl Hash, now: u64) -> Result<(), u64> {
        let at = usize::try_from(self.hasher.hash_one(who)).unwrap_or_default() % self.slots.len().max(1);
        let Some(slot) = self.slots.get(at) else { return Ok(()) };
        let step = |paid: u64| (paid.saturating_sub(now) < BURST_SECONDS * NANOS).then(|| paid.max(now) + self.cost);
        match slot.fetch_update(Relaxed, Relaxed, step) {
            Ok(_) => Ok(()),
            Err(paid) => Err((paid.saturating_sub(now) - BURST_SECONDS * NANOS).div_ceil(NANOS).max(1)),
        }
    }
}

/// Returns what stands for an address: of the newer kind the part that a provider gives to one ip_rate_key.
pub(crate) fn ip_rate_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_and_then_the_steady_rate() {
        let rates = RateLimiter::new(2, 64);
        let taken = (0..100).take_while(|_| rates.take_at("a", 0).is_ok()).count();
        assert_eq!(taken, 10);
        assert_eq!(rates.take_at("a", 0), Err(1));
        assert_eq!(rates.take_at("a", NANOS / 2), Ok(()));
        assert_eq!(rates.take_at("a", NANOS / 2), Err(1));
        assert_eq!((0..100).take_while(|_| rates.take_at("a", 100 * NANOS).is_ok()).count(), 10);
    }

    #[test]
    fn nobody_pays_for_another() {
        let rates = RateLimiter::new(1, 1 << 16);
        let others = (0..100).filter(|who| (0..5).all(|_| rates.take_at(who, 0).is_ok())).count();
        assert!(others >= 98, "{others}");
        assert!((0..1_000_000).all(|_| RateLimiter::new(0, 64).take("a").is_ok()));
    }

    #[test]
    fn a_household_has_one_address() {
        let same = |one: &str, other: &str| ip_rate_key(one.parse().unwrap()) == ip_rate_key(other.parse().unwrap());
        assert!(same("2001:db8::1", "2001:db8::ffff:2"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(same("::ffff:10.0.0.1", "10.0.0.1"));
        assert!(!same("10.0.0.1", "10.0.0.2"));
    }
}
