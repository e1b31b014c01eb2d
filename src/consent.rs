//! The visitor's consent to tracking: calls wait in memory while it is pending, and are dropped when it is denied.

use crate::queue::{self, StoredEntry};

/// Whether calls pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Calls pass.
    #[default]
    Granted,
    /// The visitor has not decided yet.
    Pending,
    /// Calls are dropped.
    Denied,
    /// Calls are dropped, because the browser denies consent for the visitor: the page cannot grant it.
    Never,
}

/// The state of consent, with the calls that wait for it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Consent {
    state: State,
    /// The calls that wait while consent is pending, the oldest first; above [`queue::MAX_CALLS`] the oldest is dropped.
    waiting: Vec<StoredEntry>,
}

impl Consent {
    /// Changes to the state named `word`; an unknown word is no consent yet. Returns the waiting calls if consent is granted now, and drops them
    /// unless it is still pending.
    pub fn change(&mut self, word: &str) -> Vec<StoredEntry> {
        if self.state != State::Never {
            self.state = match word {
                "granted" => State::Granted,
                "denied" => State::Denied,
                "never" => State::Never,
                _ => State::Pending,
            };
        }
        if self.state == State::Pending {
            return Vec::new();
        }
        let waiting = std::mem::take(&mut self.waiting);
        if self.is_granted() { waiting } else { Vec::new() }
    }

    /// Returns whether a call may be processed. If not, the call waits while consent is pending and is dropped otherwise.
    pub fn pass(&mut self, call: StoredEntry<&str>) -> bool {
        if self.state == State::Pending {
            if self.waiting.len() >= queue::MAX_CALLS {
                self.waiting.remove(0);
            }
            self.waiting.push(call.to_owned());
        }
        self.is_granted()
    }

    /// Returns whether events may be stored and sent.
    pub fn is_granted(&self) -> bool {
        self.state == State::Granted
    }

    /// Returns whether the stored data must be deleted.
    pub fn is_denied(&self) -> bool {
        matches!(self.state, State::Denied | State::Never)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consent(word: &str) -> Consent {
        let mut consent = Consent::default();
        consent.change(word);
        consent
    }

    fn call(key: &str) -> StoredEntry<&str> {
        StoredEntry::new(key, "")
    }

    #[test]
    fn granted_consent_releases_waiting_calls_in_order() {
        let mut state = consent("pending");
        assert_eq!((state.pass(call("1")), state.pass(call("2"))), (false, false));
        assert_eq!(state.change("pending"), []);
        assert_eq!(state.change("granted"), [call("1").to_owned(), call("2").to_owned()]);
        assert!(state.pass(call("3")));
    }

    #[test]
    fn denied_consent_drops_waiting_calls_and_can_be_granted_later() {
        let mut state = consent("pending");
        state.pass(call("1"));
        assert_eq!(state.change("denied"), []);
        assert!(!state.pass(call("2")));
        assert_eq!(state.change("granted"), []);
        assert!(state.is_granted());
    }

    #[test]
    fn permanent_denial_cannot_be_granted() {
        let mut state = consent("never");
        assert_eq!(state.change("granted"), []);
        assert!(state.is_denied());
    }

    #[test]
    fn unknown_word_holds_back() {
        assert_eq!(consent("maybe"), consent("pending"));
    }
}
