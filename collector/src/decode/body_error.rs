//! Why a whole body is rejected.

/// Why the body of a request is rejected as a whole. The collector's [`Error`](crate::Error) has the message of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// The body is not JSON; the text of the parser's error.
    NotJson(String),
    /// A field of the body is missing or has an invalid value.
    BadField {
        /// The field's name on the wire.
        field: &'static str,
        /// What the field must be.
        wanted: &'static str,
        /// The type of the value found instead.
        found: &'static str,
    },
    /// The body holds too many events.
    TooManyEvents {
        /// How many the body holds.
        found: usize,
        /// How many it may hold.
        limit: usize,
    },
    /// The body holds too many records.
    TooManyRecords {
        /// How many it may hold.
        limit: usize,
    },
    /// The body holds too many values: elements of lists and members of objects.
    TooManyValues {
        /// How many it may hold.
        limit: usize,
    },
}
