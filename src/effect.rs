//! The effects of the tracker. The host executes them in order, once the tracker has handled the input, and decides nothing.
//!
//! In the browser an effect crosses the border at once, in parts ([`Action`] and its texts), and the script executes it later. A list of values
//! would be a twentieth of the page's download. Natively, effects are values: [`Effect`].

use crate::Millis;
use crate::queue::StoredEntry;

numbered! {
    /// What an effect requests; `js/core/host.js` has a function for each.
    Action {
        /// See [`Host::persist`].
        Persist,
        /// See [`Host::share`].
        Share,
        /// See [`Host::delete`].
        Delete,
        /// See [`Host::restore`].
        Restore,
        /// See [`Host::clear_all`].
        ClearAll,
        /// See [`Host::save`].
        Save,
        /// See [`Host::send`].
        Send,
        /// See [`Host::abort`].
        Abort,
        /// See [`Host::beacon`].
        Beacon,
        /// See [`Host::set_timer`].
        SetTimer,
        /// See [`Host::report`].
        Report,
    }
}

/// What the core calls the dedup state, which is not a cookie.
pub const DEDUP: &str = "notes";

/// Takes the effects of an input, in order.
pub trait Host {
    /// Takes an effect: what it requests, its texts, and its number.
    fn act(&mut self, action: Action, text: &str, more: &str, number: f64);

    /// Takes the fields of a [`Report`].
    fn pass_report(&mut self, name: &'static str, reason: &'static str, field: &'static str, count: u32, response: &str);

    /// Reports to the page's callbacks.
    // Inlined, so that the core passes the parts and builds no record: 90 bytes of brotli.
    #[inline(always)]
    fn report(&mut self, Report { name, reason, field, count, response }: Report<'_>) {
        self.pass_report(name, reason, field, count, response);
    }

    /// Stores an entry durably, replacing an entry of the same key; the write starts at once.
    fn persist(&mut self, entry: &StoredEntry) {
        self.act(Action::Persist, &entry.key, &entry.text, 0.0);
    }

    /// Passes an entry to the other tabs; the leader sends it.
    fn share(&mut self, entry: &StoredEntry) {
        self.act(Action::Share, &entry.key, &entry.text, 0.0);
    }

    /// Deletes the entries of these keys, which are separated by commas, from the store.
    fn delete(&mut self, keys: &str) {
        self.act(Action::Delete, keys, "", 0.0);
    }

    /// Reads all stored entries, passes each as [`InputKind::Stored`](crate::input::InputKind::Stored), then
    /// [`InputKind::Restored`](crate::input::InputKind::Restored).
    fn restore(&mut self) {
        self.act(Action::Restore, "", "", 0.0);
    }

    /// Deletes all stored entries.
    fn clear_all(&mut self) {
        self.act(Action::ClearAll, "", "", 0.0);
    }

    /// Saves the cookie `name`, or the [`DedupState`](tillroll_protocol::visitor_context::DedupState) if the name is [`DEDUP`]; an empty text
    /// deletes it.
    fn save(&mut self, name: &str, text: &str) {
        self.act(Action::Save, name, text, 0.0);
    }

    /// Posts entries, the elements of the list `queue` of a [body](tillroll_protocol::calls_request), to the collector, and returns the result as
    /// [`InputKind::RequestDone`](crate::input::InputKind::RequestDone). `dropped` is how many calls the page has dropped since the last acknowledged
    /// request. The request before, if it has no result yet, is aborted and has none.
    fn send(&mut self, entries: &str, dropped: u32) {
        self.act(Action::Send, entries, "", dropped.into());
    }

    /// Aborts the request in flight; it has no result.
    fn abort(&mut self) {
        self.act(Action::Abort, "", "", 0.0);
    }

    /// Sends entries as a beacon, which has no result: the page unloads.
    fn beacon(&mut self, entries: &str, dropped: u32) {
        self.act(Action::Beacon, entries, "", dropped.into());
    }

    /// Sets the one timer to fire after this delay, instead of any earlier setting; None clears it.
    fn set_timer(&mut self, delay: Option<Millis>) {
        self.act(Action::SetTimer, "", "", delay.map_or(-1.0, |delay| delay as f64));
    }
}

/// What happened to calls and events, for the page's own callbacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report<'a> {
    /// `sent`, `dropped`, `error` or `settled`.
    pub name: &'static str,
    /// The number of events.
    pub count: u32,
    /// The reason, as a code that never changes.
    pub reason: &'static str,
    /// The parameter that a call lacks.
    pub field: &'static str,
    /// The body of the collector's response.
    pub response: &'a str,
}

/// An effect as a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Anything but a report.
    Act {
        /// What it requests.
        action: Action,
        /// The first text.
        text: String,
        /// The second text.
        more: String,
        /// The number.
        number: f64,
    },
    /// See [`Host::report`]: name and count.
    Report(&'static str, u32),
}

impl Host for Vec<Effect> {
    fn act(&mut self, action: Action, text: &str, more: &str, number: f64) {
        self.push(Effect::Act { action, text: text.into(), more: more.into(), number });
    }

    fn pass_report(&mut self, name: &'static str, _reason: &'static str, _field: &'static str, count: u32, _response: &str) {
        self.push(Effect::Report(name, count));
    }
}
