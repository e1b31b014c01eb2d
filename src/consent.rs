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
    /// Changes to the state named `word`; an unknown word is no consent yet. A denial drops the waiting calls.
    pub fn change(&mut self, word: &str) {
        if self.state != State::Never {
            self.state = match word {
                "granted" => State::Granted,
                "denied" => State::Denied,
                "never" => State::Never,
                _ => State::Pending,
            };
        }
        if self.is_denied() {
            self.waiting.clear();
        }
    }

    /// Lets a call wait, unless consent is denied.
    pub fn hold(&mut self, call: StoredEntry<&str>) {
        if self.is_denied() {
            return;
        }
        if self.waiting.len() >= queue::MAX_CALLS {
            self.waiting.remove(0);
        }
        self.waiting.push(call.to_owned());
    }

    /// Returns the oldest call that waits, which waits no longer.
    pub fn next_waiting(&mut self) -> Option<StoredEntry> {
        if self.waiting.is_empty() { None } else { Some(self.waiting.remove(0)) }
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
    fn granted_consent_keeps_waiting_calls_in_order() {
        let mut state = consent("pending");
        state.hold(call("1"));
        state.hold(call("2"));
        state.change("pending");
        state.change("granted");
        assert!(state.is_granted());
        assert_eq!([1, 2, 3].map(|_| state.next_waiting()), [Some(call("1").to_owned()), Some(call("2").to_owned()), None]);
    }

    #[test]
    fn denied_consent_drops_waiting_calls_and_can_be_granted_later() {
        let mut state = consent("pending");
        state.hold(call("1"));
        state.change("denied");
        state.hold(call("2"));
        state.change("granted");
        assert_eq!((state.is_granted(), state.next_waiting()), (true, None));
    }

    #[test]
    fn permanent_denial_cannot_be_granted() {
        let mut state = consent("never");
        state.change("granted");
        assert!(state.is_denied());
    }

    #[test]
    fn unknown_word_holds_back() {
        assert_eq!(consent("maybe"), consent("pending"));
    }
}
