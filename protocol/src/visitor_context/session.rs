//! The session: one id for the visitor's activity in all tabs, until 30 minutes without activity.
//!
//! It is saved as a query string, `t=<last activity>&sid=<id>&store=<store>`, which a shop's server can parse. The store is the last value, so
//! it may contain any character. The cookie starts with `project=<token>&`, see `js/core/host.js`.

use crate::str_bytes::split_once;
use crate::{id, json_writer, number_text};

/// The session timeout: a session ends after this time without activity, in milliseconds.
pub const SESSION_TIMEOUT_MS: u64 = 30 * 60 * 1_000;

/// The saved time of the last activity is rewritten when it is older than this, in milliseconds: a busy page does not write for each event.
pub const WRITE_INTERVAL_MS: u64 = 10_000;

/// The longest store name that is saved.
const MAX_STORE_BYTES: usize = 64;

/// The index in a call's seed of the digits for the session id; see [`crate::id`].
const SESSION_SEED_START: usize = 22;

/// The current session; its id is empty if there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    id: String,
    last_active: u64,
    last_written: u64,
    store: String,
}

impl Session {
    /// Returns the session of a saved text; invalid text gives no session.
    pub fn load(text: &str) -> Self {
        let last_active = number_text::parse_integer(value(text, "t")).unwrap_or(0);
        Self { id: value(text, "sid").into(), last_active, last_written: last_active, store: value_and_rest(text, "store").into() }
    }

    /// Returns the id; empty before the first [`touch`](Self::touch).
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Records activity at `time`; returns whether it starts a new session.
    ///
    /// A time before the last activity changes nothing; delayed calls have one.
    pub fn touch(&mut self, time: u64, seed: &str) -> bool {
        let is_new = self.id.is_empty() || time >= self.last_active.saturating_add(SESSION_TIMEOUT_MS);
        if is_new {
            *self = Self { id: id::uuid_text(id::uuid_v7(time, seed, SESSION_SEED_START)), last_active: time, ..Self::default() };
        }
        self.last_active = self.last_active.max(time);
        is_new
    }

    /// Sets the store; an empty text keeps the current one.
    pub(super) fn set_store(&mut self, store: &str) {
        if !store.is_empty() && store.len() <= MAX_STORE_BYTES && store != self.store {
            self.store = store.into();
            self.last_written = 0;
        }
    }

    /// Returns the store of the session; empty if no page has set one.
    pub fn store(&self) -> &str {
        &self.store
    }

    /// Replaces this session by that of another tab if that one is more recent.
    pub fn merge(&mut self, other: Self) {
        if other.last_active > self.last_active && !other.id.is_empty() {
            *self = other;
        }
    }

    /// Makes a last activity after `now` one of now, as after a correction of the clock: otherwise the session would not end until that time.
    pub fn limit_activity(&mut self, now: u64) {
        if self.last_active > now {
            self.last_active = now;
            self.last_written = 0;
        }
    }

    /// Returns the text to save, or None if the saved text is recent enough. With `is_leaving`, any change is saved.
    pub fn take_dirty(&mut self, is_leaving: bool) -> Option<String> {
        let interval = if is_leaving { 1 } else { WRITE_INTERVAL_MS };
        if self.id.is_empty() || self.last_active < self.last_written.saturating_add(interval) {
            return None;
        }
        self.last_written = self.last_active;
        let mut text = String::from("t=");
        json_writer::push_integer(&mut text, self.last_active);
        text.push_str("&sid=");
        text.push_str(&self.id);
        if !self.store.is_empty() {
            text.push_str("&store=");
            text.push_str(&self.store);
        }
        Some(text)
    }
}

/// Returns the value of `key` in a query string; empty if there is none.
fn value<'a>(query: &'a str, key: &str) -> &'a str {
    split_once(value_and_rest(query, key), b'&').0
}

/// Returns the rest of a query string from the value of `key` on; empty if there is none.
fn value_and_rest<'a>(query: &'a str, key: &str) -> &'a str {
    let mut rest = query;
    while !rest.is_empty() {
        let (name, value) = split_once(rest, b'=');
        if name == key {
            return value;
        }
        rest = split_once(rest, b'&').1;
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SEED: &str = "0123456789abcdef0123456789abcdef0123456789";
    const NOON: u64 = 1_800_000_000_000;

    #[test]
    fn session_ends_after_the_timeout() {
        let mut session = Session::default();
        assert!(session.touch(NOON, SEED));
        let first = session.id().to_owned();
        assert!(!session.touch(NOON + SESSION_TIMEOUT_MS - 1, SEED));
        assert!(!session.touch(NOON + 2 * SESSION_TIMEOUT_MS - 2, SEED));
        assert!(session.touch(NOON + 3 * SESSION_TIMEOUT_MS, SEED));
        assert_ne!(session.id(), first);
    }

    #[test]
    fn next_page_continues_the_saved_session() {
        let mut session = Session::default();
        session.touch(NOON, SEED);
        let text = session.take_dirty(false).unwrap();
        assert!(text.contains("&sid="), "{text}");
        let mut next = Session::load(&text);
        assert!(!next.touch(NOON + 1, SEED));
        assert_eq!(next.id(), session.id());
        assert_eq!(next.take_dirty(false), None);
        assert!(next.take_dirty(true).is_some());
        assert_eq!(next.take_dirty(true), None);
    }

    #[test]
    fn activity_in_the_future_counts_as_now_and_is_saved() {
        let mut session = Session::load(&format!("t={}&sid=a", NOON * 2));
        session.limit_activity(NOON);
        assert!(!session.touch(NOON, SEED), "the visit goes on");
        let mut next = Session::load(&session.take_dirty(false).unwrap());
        next.limit_activity(NOON + SESSION_TIMEOUT_MS);
        assert!(next.touch(NOON + SESSION_TIMEOUT_MS, SEED), "and ends by the corrected clock");
    }

    #[test]
    fn more_recent_session_of_another_tab_wins() {
        let mut here = Session::load("t=5&sid=a");
        here.merge(Session::load("t=9&sid=b"));
        assert_eq!(here.id(), "b");
        here.merge(Session::load("t=7&sid=c"));
        here.merge(Session::load(""));
        assert_eq!(here.id(), "b");
    }

    proptest! {
        #[test]
        fn any_text_is_accepted_and_time_never_decreases(text: String, times in prop::collection::vec(0..NOON, 1..20)) {
            let mut session = Session::load(&text);
            for time in times {
                let before = session.last_active;
                session.touch(time, SEED);
                prop_assert!(session.last_active >= before);
            }
        }
    }
}
