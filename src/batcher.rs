//! Which events make the next request: the oldest, in their order, as many as one body may hold.

use tillroll_protocol::batch::{self, Sender};
use tillroll_protocol::limits;

use crate::Millis;
use crate::queue::StoredEntry;

/// The max_events events of one request.
pub const MAX_EVENTS: usize = 50;

/// What the envelope takes besides the events and the token; generous.
const ENVELOPE_BYTES: usize = 256;

/// The max_events bytes that the events of one request have together; a request can always be sent while the page is left.
pub const MAX_BATCH_BYTES: usize = limits::MAX_UNLOAD_BYTES - 4 * limits::KIB;

/// Returns how many of the first `items` go into one request: at max_events `max_events`, and at least one if there is any.
pub fn prefix_len(items: &[StoredEntry], max_events: usize) -> usize {
    let mut bytes = ENVELOPE_BYTES;
    let mut count = 0;
    for item in items {
        bytes += item.text.len() + 1;
        if count > 0 && (bytes > MAX_BATCH_BYTES || count >= max_events.min(MAX_EVENTS)) {
            break;
        }
        count += 1;
    }
    count
}

/// Returns the body of a request for `items`.
pub fn body(sender: Sender<'_>, now: Millis, items: &[StoredEntry]) -> String {
    batch::body(sender, now, items.iter().map(|item| item.text.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn items(lengths: &[usize]) -> Vec<StoredEntry> {
        lengths.iter().enumerate().map(|(at, length)| StoredEntry::new(at.to_string(), "x".repeat(*length))).collect()
    }

    proptest! {
        #[test]
        fn a_body_holds_what_may_be_sent_while_leaving(lengths in prop::collection::vec(0_usize..20_000, 1..80), max_events in 1_usize..60) {
            let items = items(&lengths);
            let len = prefix_len(&items, max_events);
            prop_assert!((1..=MAX_EVENTS.min(max_events)).contains(&len));
            let body = body(Sender { token: "t", version: "1", dropped: 0 }, 0, &items[..len]);
            prop_assert!(body.len() < limits::MAX_UNLOAD_BYTES);
        }
    }

    #[test]
    fn one_event_goes_however_long_it_is() {
        assert_eq!(prefix_len(&items(&[limits::MAX_EVENT_BYTES, 1]), MAX_EVENTS), 1);
        assert_eq!(prefix_len(&[], MAX_EVENTS), 0);
    }
}
