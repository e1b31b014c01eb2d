//! The response to a request with events.

use serde::{Deserialize, Serialize};

/// The response to a batch. Its JSON starts with [`BatchResponse::JSON_PREFIX`]: a page checks this, because a captive
/// portal may answer instead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchResponse {
    /// How many events this request has stored.
    pub accepted: u64,
    /// How many events were stored before.
    pub duplicates: u64,
    /// The rejected events, which are never stored.
    pub rejected: Vec<Rejection>,
}

impl BatchResponse {
    /// How the JSON of each response starts.
    pub const JSON_PREFIX: &'static str = "{\"accepted\":";
}

/// Why an event was rejected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The event's id; None if it has none.
    pub id: Option<String>,
    /// The machine-readable code; never changes.
    pub code: String,
    /// The message for people; it names the field.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn response_starts_with_the_prefix_that_pages_check() {
        assert!(serde_json::to_string(&BatchResponse::default()).unwrap().starts_with(BatchResponse::JSON_PREFIX));
    }
}
