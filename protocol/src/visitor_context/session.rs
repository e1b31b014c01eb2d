//! The visit: one id for what a visitor does without a pause of half an hour, in however many tabs.
//!
//! It is remembered as a query string, `t=<last moment>&sid=<id>&store=<of the shop>`, which a shop's server can parse. The store is the last,
//! so that it may hold any character.

use crate::str_bytes::split_once;
use crate::{id, json_writer, number_text};

/// The pause that ends a visit, in milliseconds.
pub const SESSION_TIMEOUT_MS: u64 = 30 * 60 * 1_000;

/// How old the remembered moment may grow, in milliseconds, before it is written again, so that busy pages do not write for every event.
pub const WRITE_INTERVAL_MS: u64 = 10_000;

/// The longest name of a store that is remembered, in bytes.
const STORE_BYTES: usize = 64;

/// Of a call's seed, the digits that make a session's id begin here; see [`crate::id`].
const SEED_FROM: usize = 22;

/// The visit that goes on, if one does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    id: String,
    active: u64,
    written: u64,
    store: String,
}

impl Session {
    /// Returns the visit that a remembered text tells of; an unreadable text is no visit.
    pub fn load(text: &str) -> Self {
        let active = number_text::parse_integer(value(text, "t")).unwrap_or(0);
        Self { id: value(text, "sid").into(), active, written: active, store: from(text, "store").into() }
    }

    /// Returns the id; empty before the first [`touch`](Self::touch).
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Takes note that the visitor did something at `time`; returns whether a new visit begins with it.
    ///
    /// A time before the last one, as calls bring that waited in line, changes nothing.
    pub fn touch(&mut self, time: u64, seed: &str) -> bool {
        let is_new = self.id.is_empty() || time >= self.active.saturating_add(SESSION_TIMEOUT_MS);
        if is_new {
            *self = Self { id: id::uuid_v7(time, seed, SEED_FROM), active: time, ..Self::default() };
        }
        self.active = self.active.max(time);
        is_new
    }

    /// Takes note of the store that a page is of, which holds until another one is named.
    pub(super) fn set_store(&mut self, store: &str) {
        if !store.is_empty() && store.len() <= STORE_BYTES && store != self.store {
            self.store = store.into();
            self.written = 0;
        }
    }

    /// Returns the store of the visit; empty where none was named.
    pub fn store(&self) -> &str {
        &self.store
    }

    /// Takes over what another tab remembered meanwhile, where that is younger.
    pub fn merge(&mut self, other: Self) {
        if other.active > self.active && !other.id.is_empty() {
            *self = other;
        }
    }

    /// Returns the text to remember, if it is time to write it again: it is when the page is being left.
    pub fn take_dirty(&mut self, leaving: bool) -> Option<String> {
        let grain = if leaving { 1 } else { WRITE_INTERVAL_MS };
        if self.id.is_empty() || self.active < self.written.saturating_add(grain) {
            return None;
        }
        self.written = self.active;
        let mut text = String::from("t=");
        json_writer::push_integer(&mut text, self.active);
        text.push_str("&sid=");
        text.push_str(&self.id);
        if !self.store.is_empty() {
            text.push_str("&store=");
            text.push_str(&self.store);
        }
        Some(text)
    }
}

/// Returns the value of `key` in a query string; empty where there is none.
fn value<'a>(query: &'a str, key: &str) -> &'a str {
    split_once(from(query, key), b'&').0
}

/// Returns the query string from the value of `key` on; empty where there is none.
fn from<'a>(query: &'a str, key: &str) -> &'a str {
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
    fn half_an_hour_of_silence_ends_a_visit() {
        let mut session = Session::default();
        assert!(session.touch(NOON, SEED));
        let first = session.id().to_owned();
        assert!(!session.touch(NOON + SESSION_TIMEOUT_MS - 1, SEED));
        assert!(!session.touch(NOON + 2 * SESSION_TIMEOUT_MS - 2, SEED));
        assert!(session.touch(NOON + 3 * SESSION_TIMEOUT_MS, SEED));
        assert_ne!(session.id(), first);
    }

    #[test]
    fn the_next_page_goes_on_with_what_was_remembered() {
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
    fn a_younger_visit_of_another_tab_is_joined() {
        let mut here = Session::load("t=5&sid=a");
        here.merge(Session::load("t=9&sid=b"));
        assert_eq!(here.id(), "b");
        here.merge(Session::load("t=7&sid=c"));
        here.merge(Session::load(""));
        assert_eq!(here.id(), "b");
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_time_never_runs_back(text: String, times in prop::collection::vec(0..NOON, 1..20)) {
            let mut session = Session::load(&text);
            for time in times {
                let before = session.active;
                session.touch(time, SEED);
                prop_assert!(session.active >= before);
            }
        }
    }
}
