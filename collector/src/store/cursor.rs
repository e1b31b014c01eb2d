//! A place in the log, opaque to everybody outside.

use std::fmt;
use std::str::FromStr;

/// A place in the log: just after an event, or before the first one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(pub(super) i64);

impl Cursor {
    /// Before the first event.
    pub const START: Self = Self(0);

    /// Returns how many places lie between this one and an earlier one.
    pub fn distance_from(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or_default()
    }
}

/// The letter keeps people from counting with it, and leaves room for another kind of cursor.
impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "e{:x}", self.0)
    }
}

/// Not a cursor of this store.
#[derive(Debug, PartialEq, Eq)]
pub struct NoCursor;

impl FromStr for Cursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        let digits = text.strip_prefix('e').filter(|digits| !digits.starts_with(['+', '-'])).ok_or(NoCursor)?;
        i64::from_str_radix(digits, 16).map(Self).map_err(|_| NoCursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_nothing_else_does() {
        for place in [Cursor::START, Cursor(1), Cursor(i64::MAX)] {
            assert_eq!(place.to_string().parse(), Ok(place));
        }
        for text in ["", "e", "1", "e-1", "e+1", "eg", "e10000000000000000", "E1", "e 1"] {
            assert_eq!(text.parse::<Cursor>(), Err(NoCursor), "{text:?}");
        }
    }
}
