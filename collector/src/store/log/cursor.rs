//! A position in the log. Its text is opaque to clients.

use std::fmt;
use std::str::FromStr;

/// A position in the log: just after an event, or before the first one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(pub(in crate::store) i64);

impl Cursor {
    /// Before the first event.
    pub const START: Self = Self(0);

    /// Returns how many event numbers lie between this position and an earlier one.
    pub fn distance_from(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or_default()
    }
}

/// The letter prevents clients from doing arithmetic with cursors, and allows other kinds of cursor later.
impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "e{:x}", self.0)
    }
}

/// The text is not a valid cursor of the log.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidCursor;

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let digits = text.strip_prefix('e').filter(|digits| !digits.starts_with(['+', '-'])).ok_or(InvalidCursor)?;
        i64::from_str_radix(digits, 16).map(Self).map_err(|_| InvalidCursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_other_texts_are_refused() {
        for position in [Cursor::START, Cursor(1), Cursor(i64::MAX)] {
            assert_eq!(position.to_string().parse(), Ok(position));
        }
        for text in ["", "e", "1", "e-1", "e+1", "eg", "e10000000000000000", "E1", "e 1"] {
            assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{text:?}");
        }
    }
}
