//! What decoding returns: an event with its key.

use std::borrow::Cow;

use tillroll_protocol::unchecked_event::ValidEvent;
use uuid::Uuid;

/// A text, borrowed from the request where it stands there without escape sequences.
pub type Text<'a> = Cow<'a, str>;

/// An event that can be stored. `S` is the type of its texts.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodedEvent<S = String> {
    /// The event id as a number: the deduplication key.
    pub key: Uuid,
    /// The event. Its `id` is empty, because `key` replaces it.
    pub event: ValidEvent<S>,
}

impl DecodedEvent<Text<'_>> {
    /// Returns the event with texts that no longer borrow from the request.
    pub fn into_owned(self) -> DecodedEvent {
        DecodedEvent { key: self.key, event: self.event.into_owned() }
    }
}
