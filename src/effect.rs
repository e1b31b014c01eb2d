//! The effects of the tracker. `browser` executes them in order and decides nothing.

use crate::Millis;
use crate::queue::StoredEntry;

/// An action that the tracker requests.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Store this entry durably, replacing an entry of the same key; the write starts at once.
    Persist(StoredEntry),
    /// Delete the entries of these keys from the store.
    Delete(Vec<String>),
    /// Read all stored entries and return them as [`Input::Restored`](crate::input::Input::Restored).
    Restore,
    /// Delete all stored entries.
    ClearAll,
    /// Save the visitor; an empty text deletes it.
    SaveVisitor(String),
    /// Save the session; an empty text deletes it.
    SaveSession(String),
    /// Save the [`DedupState`](tillroll_protocol::visitor_context::DedupState); an empty text deletes it.
    SaveDedup(String),
    /// Post `body` to the collector and return the result as [`Input::RequestDone`](crate::input::Input::RequestDone).
    Send {
        /// The number of the request; the result has the same.
        request: u32,
        /// A batch.
        body: String,
    },
    /// Abort the request in flight; it has no result.
    Abort {
        /// The number of the request.
        request: u32,
    },
    /// Send this batch as a beacon, which has no result: the page unloads.
    Beacon(String),
    /// Set the one timer to fire after this delay, instead of any earlier setting; None clears it.
    SetTimer(Option<Millis>),
    /// Report to the page's callbacks.
    Report(Report),
}

/// What happened to calls and events, for the page's own callbacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// `sent`, `dropped`, `error` or `settled`.
    pub name: &'static str,
    /// The number of events.
    pub count: u32,
    /// The reason, as a code that never changes.
    pub reason: &'static str,
    /// The parameter that a call lacks.
    pub field: &'static str,
    /// The body of the collector's response.
    pub response: String,
}
