//! The delay after failed requests: exponential backoff with jitter.
//!
//! The delay doubles with each consecutive failure up to a cap. Jitter spreads the retries of many pages after an outage. The collector's
//! `Retry-After` is the lower bound.

use crate::Millis;

/// The greatest delay after the first failure.
pub const INITIAL_MS: Millis = 1_000;

/// The greatest delay without `Retry-After`.
pub const MAX_DELAY_MS: Millis = 300_000;

/// The greatest `Retry-After` that counts: a day.
pub const MAX_RETRY_AFTER_MS: Millis = 86_400_000;

/// Returns the delay after `failures` consecutive failures.
///
/// `jitter` selects a point in the upper half of the delay: 0 is the whole, 255 about the half. `retry_after` is the response's
/// `Retry-After` in milliseconds, or 0.
pub fn delay(failures: u32, jitter: u8, retry_after: Millis) -> Millis {
    let uncapped = INITIAL_MS << failures.saturating_sub(1).min(16);
    let max = uncapped.min(MAX_DELAY_MS);
    let own_delay = max - max * Millis::from(jitter) / 512;
    own_delay.max(retry_after.min(MAX_RETRY_AFTER_MS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn first_delay_is_between_half_a_second_and_one() {
        assert_eq!(delay(1, 0, 0), 1_000);
        assert_eq!(delay(1, 255, 0), 502);
    }

    proptest! {
        #[test]
        fn delay_grows_with_failures(failures in 1..u32::MAX, jitter: u8) {
            prop_assert!(delay(failures, jitter, 0) <= delay(failures.saturating_add(1), jitter, 0));
        }

        #[test]
        fn delay_is_capped(failures: u32, jitter: u8, retry_after: Millis) {
            prop_assert!(delay(failures, jitter, 0) <= MAX_DELAY_MS);
            prop_assert!(delay(failures, jitter, retry_after) <= MAX_RETRY_AFTER_MS);
        }

        #[test]
        fn delay_is_at_least_retry_after(failures: u32, jitter: u8, retry_after in 0..MAX_RETRY_AFTER_MS) {
            prop_assert!(delay(failures, jitter, retry_after) >= retry_after);
        }

        #[test]
        fn jitter_spreads_over_half_the_delay(failures in 1_u32..40) {
            let max = delay(failures, 0, 0);
            prop_assert!(delay(failures, 255, 0) * 100 <= max * 51);
        }
    }
}
