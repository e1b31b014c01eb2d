//! The visitor's consent to tracking: calls wait in memory while it is pending, and are dropped when it is denied.

use crate::queue::{self, StoredEntry};

/// The state of consent, with the calls that wait for it.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Consent {
    /// Calls pass.
    #[default]
    Granted,
    /// The visitor has not decided yet. Calls wait here, the oldest first; above [`queue::MAX_EVENTS`] the oldest is dropped.
    Pending(Vec<StoredEntry>),
    /// Calls are dropped.
    Denied {
        /// Whether the browser denies consent for the visitor, so that the page cannot grant it.
        is_permanent: bool,
    },
}

impl Consent {
    /// Returns the state named `word`; None if the word is unknown.
    pub fn load(word: &str) -> Option<Self> {
        match word {
            "granted" => Some(Self::Granted),
            "pending" => Some(Self::Pending(Vec::new())),
            "denied" => Some(Self::Denied { is_permanent: false }),
            "never" => Some(Self::Denied { is_permanent: true }),
            _ => None,
        }
    }

    /// Changes to the state named `word`; returns the waiting calls if consent is granted now, and drops them otherwise.
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

    /// Returns whether a call may be processed. If not, the call waits while consent is pending and is dropped otherwise.
    pub fn pass(&mut self, call: StoredEntry<&str>) -> bool {
        if let Self::Pending(waiting) = self {
            if waiting.len() >= queue::MAX_EVENTS {
                waiting.remove(0);
            }
            waiting.push(call.to_owned());
        }
        self.is_granted()
    }

    /// Returns whether events may be stored and sent.
    pub fn is_granted(&self) -> bool {
        matches!(self, Self::Granted)
    }

    /// Returns whether the stored data must be deleted.
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
    fn granted_consent_releases_waiting_calls_in_order() {
        let mut consent = Consent::load("pending").unwrap();
        assert_eq!((consent.pass(call("1")), consent.pass(call("2"))), (false, false));
        assert_eq!(consent.change("pending"), []);
        assert_eq!(consent.change("granted"), [call("1").to_owned(), call("2").to_owned()]);
        assert!(consent.pass(call("3")));
    }

    #[test]
    fn denied_consent_drops_waiting_calls_and_can_be_granted_later() {
        let mut consent = Consent::load("pending").unwrap();
        consent.pass(call("1"));
        assert_eq!(consent.change("denied"), []);
        assert!(!consent.pass(call("2")));
        assert_eq!(consent.change("granted"), []);
        assert!(consent.is_granted());
    }

    #[test]
    fn permanent_denial_cannot_be_granted() {
        let mut consent = Consent::load("never").unwrap();
        assert_eq!(consent.change("granted"), []);
        assert!(consent.is_denied());
    }

    #[test]
    fn unknown_word_changes_nothing() {
        let mut consent = Consent::Granted;
        assert_eq!(consent.change("maybe"), []);
        assert!(consent.is_granted());
    }
}
