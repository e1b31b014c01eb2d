//! Whether the visitor may be tracked: while that is open, calls wait in memory; where it is refused, nothing is left of them.

use crate::queue::{self, StoredEntry};

/// The visitor's word, and what waits for it.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Consent {
    /// Nothing is waiting back.
    #[default]
    Granted,
    /// Nobody was asked yet, or nobody has answered: calls wait here, the oldest first, and the oldest fall
    /// out when there are too many.
    Pending(Vec<StoredEntry>),
    /// No. `is_permanent`: the browser says it for the visitor, and no word of the page counts.
    Denied {
        /// See above.
        is_permanent: bool,
    },
}

impl Consent {
    /// Returns the state that `word` asks for; an unknown word asks for nothing.
    pub fn load(word: &str) -> Option<Self> {
        match word {
            "granted" => Some(Self::Granted),
            "pending" => Some(Self::Pending(Vec::new())),
            "denied" => Some(Self::Denied { is_permanent: false }),
            "never" => Some(Self::Denied { is_permanent: true }),
            _ => None,
        }
    }

    /// Follows the visitor's word; returns the calls that it frees. What is waiting when the word is no is gone.
    pub fn change(&mut self, word: &str) -> Vec<StoredEntry> {
        let Some(next) = Self::load(word) else { return Vec::new() };
        match (&*self, &next) {
            (Self::Denied { is_permanent: true }, _) | (Self::Pending(_), Self::Pending(_)) => return Vec::new(),
            _ => {}
        }
        match std::mem::replace(self, next) {
            Self::Pending(waiting) if self.is_granted() => waiting,
            _ => Vec::new(),
        }
    }

    /// Returns whether a call may go on; holds it, or drops it, where it may not.
    pub fn pass(&mut self, call: StoredEntry<&str>) -> bool {
        if let Self::Pending(waiting) = self {
            if waiting.len() >= queue::MAX_EVENTS {
                waiting.remove(0);
            }
            waiting.push(call.to_owned());
        }
        self.is_granted()
    }

    /// Returns whether anything may be stored and sent.
    pub fn is_granted(&self) -> bool {
        matches!(self, Self::Granted)
    }

    /// Returns whether nothing may stay stored.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Denied { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(key: &str) -> StoredEntry<&str> {
        StoredEntry::new(key, "")
    }

    #[test]
    fn held_calls_are_freed_in_order() {
        let mut consent = Consent::load("pending").unwrap();
        assert_eq!((consent.pass(call("1")), consent.pass(call("2"))), (false, false));
        assert_eq!(consent.change("pending"), []);
        assert_eq!(consent.change("granted"), [call("1").to_owned(), call("2").to_owned()]);
        assert!(consent.pass(call("3")));
    }

    #[test]
    fn a_no_drops_what_was_held_and_a_later_yes_starts_anew() {
        let mut consent = Consent::load("pending").unwrap();
        consent.pass(call("1"));
        assert_eq!(consent.change("denied"), []);
        assert!(!consent.pass(call("2")));
        assert_eq!(consent.change("granted"), []);
        assert!(consent.is_granted());
    }

    #[test]
    fn the_browsers_no_stands() {
        let mut consent = Consent::load("never").unwrap();
        assert_eq!(consent.change("granted"), []);
        assert!(consent.is_denied());
    }

    #[test]
    fn an_unknown_word_changes_nothing() {
        let mut consent = Consent::Granted;
        assert_eq!(consent.change("maybe"), []);
        assert!(consent.is_granted());
    }
}
