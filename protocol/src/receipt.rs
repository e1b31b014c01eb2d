//! When a request arrived, and what follows from that and from the project's settings for the events that it brings: their times, their
//! addresses, and the currency of their amounts.
//!
//! A sender's clock can be years off, so an event's time is never used as sent: [`Receipt::event_time`] corrects it, once, for every way in which
//! an event or a record enters the collector. Nothing that is stored is later than its receipt, so a time from the future never wins over what
//! arrives afterwards.

use crate::address_rule::{AddressRule, Unchanged};

/// The clock of a sender whose time of sending differs by more than this from the time of receipt is off, in milliseconds.
pub const MAX_CLOCK_DIFFERENCE_MS: u64 = 60_000;

/// The longest time that a page keeps an event before it sends it, and a day more, in milliseconds.
pub const MAX_PAGE_AGE_MS: u64 = 31 * 24 * 60 * 60 * 1_000;

/// When a request arrived, what its sender's clock means, the rule for its addresses, and the currency of amounts without one.
#[derive(Clone, Copy)]
pub struct Receipt<'a> {
    received_at: u64,
    /// What to add to the sender's times.
    difference: i64,
    /// The earliest time that an event can have.
    earliest: u64,
    addresses: &'a dyn AddressRule,
    currency: &'a str,
}

impl<'a> Receipt<'a> {
    /// Returns the receipt of a page's request. `received_at` is the collector's time, `sent_at` the page's when it sent the request; both in
    /// milliseconds since 1970.
    pub fn of_page(received_at: u64, sent_at: Option<u64>) -> Self {
        let difference = sent_at.map_or(0, |sent_at| received_at.cast_signed().saturating_sub(i64::try_from(sent_at).unwrap_or(i64::MAX)));
        let is_off = difference.unsigned_abs() > MAX_CLOCK_DIFFERENCE_MS;
        Self {
            received_at,
            difference: if is_off { difference } else { 0 },
            earliest: received_at.saturating_sub(MAX_PAGE_AGE_MS),
            addresses: &Unchanged,
            currency: "",
        }
    }

    /// Returns the receipt of what a shop's server sends or an owner imports; its times may be old.
    pub fn of_server(received_at: u64) -> Self {
        Self { received_at, difference: 0, earliest: 0, addresses: &Unchanged, currency: "" }
    }

    /// Returns the receipt with a rule for addresses.
    #[must_use]
    pub fn with_addresses(self, addresses: &'a dyn AddressRule) -> Self {
        Self { addresses, ..self }
    }

    /// Returns the receipt with the currency of amounts that arrive without one; empty if there is none.
    #[must_use]
    pub fn with_currency(self, currency: &'a str) -> Self {
        Self { currency, ..self }
    }

    /// Returns the currency of amounts that arrive without one; empty if there is none.
    pub fn currency(&self) -> &'a str {
        self.currency
    }

    /// Returns the rule for addresses.
    pub fn addresses(&self) -> &'a dyn AddressRule {
        self.addresses
    }

    /// Returns when the request arrived, in milliseconds since 1970 by the collector's clock.
    pub fn received_at(&self) -> u64 {
        self.received_at
    }

    /// Returns the time of an event whose sender gives it as `time`, in milliseconds since 1970. A time that cannot be right counts as that of
    /// the receipt.
    pub fn event_time(&self, time: u64) -> u64 {
        let corrected = time.checked_add_signed(self.difference);
        corrected.filter(|time| (self.earliest..=self.received_at).contains(time)).unwrap_or(self.received_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: u64 = 1_800_000_000_000;
    const YEAR: u64 = 365 * 24 * 60 * 60 * 1_000;

    #[test]
    fn times_are_corrected() {
        let page = |sent_at: Option<u64>, time: u64| Receipt::of_page(NOW, sent_at).event_time(time);
        for (sent_at, time, expected) in [
            (None, NOW - 5, NOW - 5),
            (None, NOW + 1, NOW),
            (None, u64::MAX, NOW),
            (None, 0, NOW),
            (None, NOW - MAX_PAGE_AGE_MS, NOW - MAX_PAGE_AGE_MS),
            (None, NOW - MAX_PAGE_AGE_MS - 1, NOW),
            (Some(NOW + 60_000), NOW + 59_000, NOW),
            (Some(NOW - 60_000), NOW - 61_000, NOW - 61_000),
            (Some(NOW + YEAR), NOW + YEAR - 5_000, NOW - 5_000),
            (Some(NOW - YEAR), NOW - YEAR - 5_000, NOW - 5_000),
            (Some(NOW - 60_001), NOW - 61_001, NOW - 1_000),
            (Some(5_000), 1_000, NOW - 4_000),
            (Some(NOW + YEAR), NOW - 5_000, NOW),
            (Some(u64::MAX), NOW, NOW),
        ] {
            assert_eq!(page(sent_at, time), expected, "{sent_at:?} {time}");
        }
        let server = Receipt::of_server(NOW);
        assert_eq!((server.event_time(5), server.event_time(NOW + YEAR)), (5, NOW));
    }

    proptest! {
        #[test]
        fn no_time_is_outside_the_range(received_at in 0..NOW, sent_at: Option<u64>, time: u64) {
            let receipt = Receipt::of_page(received_at, sent_at);
            let corrected = receipt.event_time(time);
            prop_assert!(corrected <= received_at && corrected >= received_at.saturating_sub(MAX_PAGE_AGE_MS));
            prop_assert!(Receipt::of_server(received_at).event_time(time) <= received_at);
        }
    }
}
