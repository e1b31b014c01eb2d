//! What the tracker learns of the world: everything that happens to it is one of these.

use crate::Millis;
use crate::queue::StoredEntry;

/// Something that happened. It is lent: the tracker copies what it keeps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Input<'a> {
    /// The page has loaded the library; comes first and once.
    Start(&'a Start<'a>),
    /// The page called; a text that [`Call::read`](tillroll_protocol::call::Call::read) reads, and the key under which it is kept. Or another
    /// tab has made an event and kept it: its text, for the tab that owns the queue.
    Call(StoredEntry<&'a str>),
    /// What earlier pages kept, as [`Effect::Restore`](crate::effect::Effect::Restore) asked; nothing is sent before.
    Restored(&'a [StoredEntry]),
    /// A request was answered or failed.
    RequestDone(&'a SendResult),
    /// The time that [`Effect::SetTimer`](crate::effect::Effect::SetTimer) asked for has come.
    Timer,
    /// The page cannot be seen any more, but may come back.
    Hidden,
    /// The page is being left.
    PageHide,
    /// What the browser remembers now: other tabs may have gone on meanwhile.
    StateChanged(SavedState<&'a str>),
    /// The page is back from the browser's cache.
    PageShow,
    /// Whether this tab owns the queue; it does until it hears that it does not.
    Leader(bool),
    /// Another tab has done with the events of these keys, a comma between them.
    DeletedElsewhere(&'a str),
    /// The connection is back.
    Online,
    /// The page asks that everything go out now.
    Flush,
    /// The visitor's word on being tracked; one of `granted`, `denied`, `pending`.
    Consent(&'a str),
    /// The visitor has logged out; a call's text, of which time, seed and page count.
    Reset(StoredEntry<&'a str>),
}

/// What the page is and what it remembers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Start<'a> {
    /// The project's public token.
    pub token: &'a str,
    /// The version of the library.
    pub version: &'a str,
    /// As in [`Input::Consent`]; `granted` where nobody asks, `never` where the browser says no for the visitor.
    pub consent: &'a str,
    /// What the browser remembers.
    pub saved: SavedState<&'a str>,
    /// An id that the shop's server made, for a visitor without one.
    pub server_id: &'a str,
    /// The moment of loading, as a call of no meaning.
    pub load_call: StoredEntry<&'a str>,
}

/// What the browser remembers of the visitor; empty texts where it remembers nothing. `S` is how its texts are held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SavedState<S = String> {
    /// Who: an anonymous id or an e-mail, decoded.
    pub visitor: S,
    /// The visit, as [`Session`](tillroll_protocol::visitor_context::Session) writes it.
    pub session: S,
    /// What was said before, as [`Notes`](tillroll_protocol::visitor_context::DedupState) writes it.
    pub dedup: S,
}

impl SavedState {
    /// Lends the texts.
    pub fn as_ref(&self) -> SavedState<&str> {
        SavedState { visitor: &self.visitor, session: &self.session, dedup: &self.dedup }
    }
}

/// How a request ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SendResult {
    /// Which request.
    pub request: u32,
    /// The HTTP status; 0 where there was no answer.
    pub status: u16,
    /// How long the collector asks to wait.
    pub retry_after: Option<Millis>,
    /// The answer's text.
    pub body: String,
}
