//! How long to wait after failures.
//!
//! The wait doubles with each failure in a row up to a cap, a random part of it is left out so that the shops of an outage do not come
//! back as one, and what the collector asked for is the least.

use crate::Millis;

/// The longest first wait.
pub const FIRST: Millis = 1_000;

/// The longest wait that we choose ourselves.
pub const LONGEST: Millis = 300_000;

/// The longest wait that the collector may ask for: a day.
pub const LONGEST_ASKED: Millis = 86_400_000;

/// Returns the wait after `failures` failures in a row.
///
/// `chance` picks a point in the upper half of the wait. `asked` is what the answer's `Retry-After` said.
pub fn wait(failures: u32, chance: u8, asked: Option<Millis>) -> Millis {
    let doubled = FIRST << failures.saturating_sub(1).min(16);
    let whole = doubled.min(LONGEST);
    let ours = whole - whole * Millis::from(chance) / 512;
    ours.max(asked.unwrap_or(0).min(LONGEST_ASKED))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_wait_is_between_half_a_second_and_one() {
        assert_eq!(wait(1, 0, None), 1_000);
        assert_eq!(wait(1, 255, None), 502);
    }

    proptest! {
        #[test]
        fn waits_grow(failures in 1..u32::MAX, chance: u8) {
            prop_assert!(wait(failures, chance, None) <= wait(failures.saturating_add(1), chance, None));
        }

        #[test]
        fn waits_are_capped(failures: u32, chance: u8, asked: Option<Millis>) {
            prop_assert!(wait(failures, chance, None) <= LONGEST);
            prop_assert!(wait(failures, chance, asked) <= LONGEST_ASKED);
        }

        #[test]
        fn the_collector_is_never_asked_before_it_said(failures: u32, chance: u8, asked in 0..LONGEST_ASKED) {
            prop_assert!(wait(failures, chance, Some(asked)) >= asked);
        }

        #[test]
        fn pages_come_back_spread_over_half_the_wait(failures in 1_u32..40) {
            let whole = wait(failures, 0, None);
            prop_assert!(wait(failures, 255, None) * 100 <= whole * 51);
        }
    }
}
