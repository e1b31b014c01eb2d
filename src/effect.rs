//! What the tracker wants done. The browser's edge carries it out, in order, and decides nothing.

use crate::Millis;
use crate::queue::StoredEntry;

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Keep this durably; the write begins at once. Replaces what the key held.
    Persist(StoredEntry),
    /// Forget what these keys hold.
    Delete(Vec<String>),
    /// Read everything that is kept, and tell.
    Restore,
    /// Leave nothing of the durable store.
    ClearAll,
    /// Remember who the visitor is; an empty text forgets.
    SaveVisitor(String),
    /// Remember the visit; an empty text forgets.
    SaveSession(String),
    /// Remember what was said, see [`Notes`](tillroll_protocol::visitor_context::DedupState); an empty text forgets.
    SaveDedup(String),
    /// Post `body` to the collector and tell how it ended.
    Send {
        /// Comes back with the answer.
        request: u32,
        /// A batch.
        body: String,
    },
    /// Give the request up and tell no more of it.
    Abort {
        /// Of the request.
        request: u32,
    },
    /// Post this batch without hope of an answer: the page is being left.
    Beacon(String),
    /// Wake the tracker after so long, instead of whenever was asked before; None: never.
    SetTimer(Option<Millis>),
    /// Tell the page.
    Report(Report),
}

/// What became of something, for the page's own callbacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// `sent`, `dropped`, `error` or `settled`.
    pub name: &'static str,
    /// How many events.
    pub count: u32,
    /// Why, as a word that programs may rely on.
    pub reason: &'static str,
    /// The parameter that a call lacked.
    pub field: &'static str,
    /// What the collector answered.
    pub response: String,
}
