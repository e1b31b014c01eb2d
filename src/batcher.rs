//! Selects the calls of the next request: the oldest, in order, as many as the limits of a body allow.

use tillroll_protocol::limits;

use crate::queue::StoredEntry;

/// The greatest number of calls in a request.
pub const MAX_CALLS: usize = 50;

/// An upper bound for the body without the calls and the token.
const ENVELOPE_BYTES: usize = 256;

/// The greatest size of the calls of a request together. It fits a beacon, so each request can be sent while the page unloads.
pub const MAX_BATCH_BYTES: usize = limits::MAX_UNLOAD_BYTES - 4 * limits::KIB;

/// Returns how many of the first `entries` fit one batch: at most `max_calls`, and at least one unless `entries` is empty.
pub fn prefix_len(entries: &[StoredEntry], max_calls: usize) -> usize {
    let mut bytes = ENVELOPE_BYTES;
    let mut count = 0;
    for entry in entries {
        bytes += entry.text.len() + 2;
        if count > 0 && (bytes > MAX_BATCH_BYTES || count >= max_calls.min(MAX_CALLS)) {
            break;
        }
        count += 1;
    }
    count
}

/// Returns the texts of `entries` as elements of a list.
pub fn elements(entries: &[StoredEntry]) -> String {
    let mut out = String::new();
    for entry in entries {
        out.push_str(&entry.text);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entries(lengths: &[usize]) -> Vec<StoredEntry> {
        lengths.iter().enumerate().map(|(at, length)| StoredEntry::new(at.to_string(), "x".repeat(*length))).collect()
    }

    proptest! {
        #[test]
        fn body_fits_a_beacon(lengths in prop::collection::vec(0_usize..20_000, 1..80), max_calls in 1_usize..60) {
            let entries = entries(&lengths);
            let len = prefix_len(&entries, max_calls);
            prop_assert!((1..=MAX_CALLS.min(max_calls)).contains(&len));
            prop_assert!(elements(&entries[..len]).len() + ENVELOPE_BYTES < limits::MAX_UNLOAD_BYTES);
        }
    }

    #[test]
    fn one_call_is_sent_whatever_its_length() {
        assert_eq!(prefix_len(&entries(&[limits::MAX_EVENT_BYTES, 1]), MAX_CALLS), 1);
        assert_eq!(prefix_len(&[], MAX_CALLS), 0);
    }
}
