//! How long to wait after failures.
//!
//! The wait doubles with each failure in a row up to a cap, a random part of it is left out so that the shops of an outage do not come
//! back as one, and what the collector retry_after for is the least.

use crate::Millis;

/// The longest first wait.
pub const INITIAL_MS: Millis = 1_000;

/// The longest wait that we choose ourselves.
pub const MAX_DELAY_MS: Millis = 300_000;

/// The longest wait that the collector may ask for: a day.
pub const MAX_RETRY_AFTER_MS: Millis = 86_400_000;

/// Returns the wait after `failures` failures in a row.
///
/// `jitter` picks a point in the upper half of the wait. `retry_after` is what the answer's `Retry-After` said.
pub fn delay(failures: u32, jitter: u8, retry_after: Option<Millis>) -> Millis {
    let uncapped = INITIAL_MS << failures.saturating_sub(1).min(16);
    let max = uncapped.min(MAX_DELAY_MS);
    let own_delay = max - max * Millis::from(jitter) / 512;
    own_delay.max(retry_after.unwrap_or(0).min(MAX_RETRY_AFTER_MS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_wait_is_between_half_a_second_and_one() {
        assert_eq!(delay(1, 0, None), 1_000);
        assert_eq!(delay(1, 255, None), 502);
    }

    proptest! {
        #[test]
        fn waits_grow(failures in 1..u32::MAX, jitter: u8) {
            prop_assert!(delay(failures, jitter, None) <= delay(failures.saturating_add(1), jitter, None));
        }

        #[test]
        fn waits_are_capped(failures: u32, jitter: u8, retry_after: Option<Millis>) {
            prop_assert!(delay(failures, jitter, None) <= MAX_DELAY_MS);
            prop_assert!(delay(failures, jitter, retry_after) <= MAX_RETRY_AFTER_MS);
        }

        #[test]
        fn the_collector_is_never_asked_before_it_said(failures: u32, jitter: u8, retry_after in 0..MAX_RETRY_AFTER_MS) {
            prop_assert!(delay(failures, jitter, Some(retry_after)) >= retry_after);
        }

        #[test]
        fn pages_come_back_spread_over_half_the_wait(failures in 1_u32..40) {
            let max = delay(failures, 0, None);
            prop_assert!(delay(failures, 255, None) * 100 <= max * 51);
        }
    }
}
