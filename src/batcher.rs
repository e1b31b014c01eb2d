//! Selects the events of the next batch: the oldest, in order, as many as the limits of a body allow.

use tillroll_protocol::batch::{self, Sender};
use tillroll_protocol::limits;

use crate::Millis;
use crate::queue::StoredEntry;

/// The greatest number of events in a batch.
pub const MAX_EVENTS: usize = 50;

/// An upper bound for the body without the events and the token.
const ENVELOPE_BYTES: usize = 256;

/// The greatest size of the events of a batch together. It fits a beacon, so each batch can be sent while the page unloads.
pub const MAX_BATCH_BYTES: usize = limits::MAX_UNLOAD_BYTES - 4 * limits::KIB;

/// Returns how many of the first `entries` fit one batch: at most `max_events`, and at least one unless `entries` is empty.
pub fn prefix_len(entries: &[StoredEntry], max_events: usize) -> usize {
    let mut bytes = ENVELOPE_BYTES;
    let mut count = 0;
    for entry in entries {
        bytes += entry.text.len() + 1;
        if count > 0 && (bytes > MAX_BATCH_BYTES || count >= max_events.min(MAX_EVENTS)) {
            break;
        }
        count += 1;
    }
    count
}

/// Returns the request body for the events of `entries`.
pub fn body(sender: Sender<'_>, now: Millis, entries: &[StoredEntry]) -> String {
    batch::body(sender, now, entries.iter().map(|entry| entry.text.as_str()))
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
        fn body_fits_a_beacon(lengths in prop::collection::vec(0_usize..20_000, 1..80), max_events in 1_usize..60) {
            let entries = entries(&lengths);
            let len = prefix_len(&entries, max_events);
            prop_assert!((1..=MAX_EVENTS.min(max_events)).contains(&len));
            let body = body(Sender { token: "t", version: "1", dropped: 0 }, 0, &entries[..len]);
            prop_assert!(body.len() < limits::MAX_UNLOAD_BYTES);
        }
    }

    #[test]
    fn one_event_is_sent_whatever_its_length() {
        assert_eq!(prefix_len(&entries(&[limits::MAX_EVENT_BYTES, 1]), MAX_EVENTS), 1);
        assert_eq!(prefix_len(&[], MAX_EVENTS), 0);
    }
}
