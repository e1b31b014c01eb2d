//! How far a reader of the store has read: changes of the state, events of the log, and deletions of expired events.

/// A position in the store. Each number only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The number of a change of the state.
    pub change: i64,
    /// The number of an event.
    pub event: i64,
    /// The number of the last event that has expired.
    pub trimmed: i64,
}

impl Position {
    /// Whether nothing up to `other` is missing.
    pub fn reaches(self, other: Self) -> bool {
        self.change >= other.change && self.event >= other.event && self.trimmed >= other.trimmed
    }

    /// Returns how many changes and events are missing up to `head`.
    pub fn missing_until(self, head: Self) -> i64 {
        (head.change - self.change).max(0) + (head.event - self.event).max(0)
    }
}
