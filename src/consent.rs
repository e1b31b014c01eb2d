//! Whether the visitor may be tracked: while that is open, calls wait in memory; where it is refused, nothing is left of them.

use crate::queue::{self, Item};

/// The visitor's word, and what waits for it.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Consent {
    /// Nothing is held back.
    #[default]
    Granted,
    /// Nobody was asked yet, or nobody has answered: calls wait here, the oldest first, and the oldest fall
    /// out when there are too many.
    Pending(Vec<Item>),
    /// No. `for_good`: the browser says it for the visitor, and no word of the page counts.
    Denied {
        /// See above.
        for_good: bool,
    },
}

impl Consent {
    /// Returns the state that `word` asks for; an unknown word asks for nothing.
    pub fn load(word: &str) -> Option<Self> {
        match word {
            "granted" => Some(Self::Granted),
            "pending" => Some(Self::Pending(Vec::new())),
            "denied" => Some(Self::Denied { for_good: false }),
            "never" => Some(Self::Denied { for_good: true }),
            _ => None,
        }
    }

    /// Follows the visitor's word; returns the calls that it frees. What is held when the word is no is gone.
    pub fn change(&mut self, word: &str) -> Vec<Item> {
        let Some(next) = Self::load(word) else { return Vec::new() };
        match (&*self, &next) {
            (Self::Denied { for_good: true }, _) | (Self::Pending(_), Self::Pending(_)) => return Vec::new(),
            _ => {}
        }
        match std::mem::replace(self, next) {
            Self::Pending(held) if self.is_granted() => held,
            _ => Vec::new(),
        }
    }

    /// Lets a call through, holds it, or drops it; returns it where it may go on.
    pub fn filter(&mut self, call: Item) -> Option<Item> {
        match self {
            Self::Granted => return Some(call),
            Self::Pending(held) => {
                held.drain(..(held.len() + 1).saturating_sub(queue::EVENTS));
                held.push(call);
            }
            Self::Denied { .. } => {}
        }
        None
    }

    /// Returns whether anything may be stored and sent.
    pub fn is_granted(&self) -> bool {
        *self == Self::Granted
    }

    /// Returns whether nothing may stay stored.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Denied { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(key: &str) -> Item {
        Item::new(key.into(), String::new())
    }

    #[test]
    fn held_calls_are_freed_in_order() {
        let mut consent = Consent::load("pending").unwrap();
        assert_eq!((consent.filter(call("1")), consent.filter(call("2"))), (None, None));
        assert_eq!(consent.change("pending"), []);
        assert_eq!(consent.change("granted"), [call("1"), call("2")]);
        assert_eq!(consent.filter(call("3")), Some(call("3")));
    }

    #[test]
    fn a_no_drops_what_was_held_and_a_later_yes_starts_anew() {
        let mut consent = Consent::load("pending").unwrap();
        consent.filter(call("1"));
        assert_eq!(consent.change("denied"), []);
        assert_eq!(consent.filter(call("2")), None);
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
