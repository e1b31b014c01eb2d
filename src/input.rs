//! The inputs of the tracker: everything that happens in the page and in the browser.

use crate::Millis;
use crate::queue::StoredEntry;

/// Something that happened. Inputs are borrowed: the tracker copies what it stores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Input<'a> {
    /// The page has loaded the core; the first input, once per page.
    Start(&'a Start<'a>),
    /// A call of the page that [`Call::parse`](tillroll_protocol::call::Call::parse) reads, under its key in the store; or, in the leader's
    /// tab, an event that another tab has made and stored.
    Call(StoredEntry<&'a str>),
    /// The stored entries that [`Effect::Restore`](crate::effect::Effect::Restore) requested; no request starts before.
    Restored(&'a [StoredEntry]),
    /// A request has completed or failed.
    RequestDone(&'a SendResult),
    /// The timer of [`Effect::SetTimer`](crate::effect::Effect::SetTimer) has fired.
    Timer,
    /// The page is hidden, but may become visible again.
    Hidden,
    /// The page unloads, or enters the back/forward cache.
    PageHide,
    /// Another tab may have changed the saved state; this is the current one.
    StateChanged(SavedState<&'a str>),
    /// The page returns from the back/forward cache.
    PageShow,
    /// Whether this tab is the leader. Each tab is, until this input.
    Leader(bool),
    /// Another tab has deleted the entries of these keys, which are separated by commas.
    DeletedElsewhere(&'a str),
    /// The network connection is back.
    Online,
    /// The page requests that all events are sent now.
    Flush,
    /// The visitor's consent: `granted`, `denied` or `pending`.
    Consent(&'a str),
    /// The visitor has logged out. The entry is a call, of which time, seed and page count.
    Reset(StoredEntry<&'a str>),
}

/// The options of the page, and its saved state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Start<'a> {
    /// The project's public token.
    pub token: &'a str,
    /// The version of the library.
    pub version: &'a str,
    /// As in [`Input::Consent`]; `never` if the browser denies consent for the visitor.
    pub consent: &'a str,
    /// The saved state.
    pub saved: SavedState<&'a str>,
    /// A visitor id that the shop's server made, for a visitor without one.
    pub server_id: &'a str,
    /// A call of type `land` that records when and where the page loaded.
    pub load_call: StoredEntry<&'a str>,
}

/// What cookies and local storage hold about the visitor; an empty text if they hold nothing. `S` is how the texts are held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SavedState<S = String> {
    /// The visitor: an anonymous id or an e-mail, decoded.
    pub visitor: S,
    /// The session, as [`Session`](tillroll_protocol::visitor_context::Session) writes it.
    pub session: S,
    /// The deduplication state, as [`DedupState`](tillroll_protocol::visitor_context::DedupState) writes it.
    pub dedup: S,
}

impl SavedState {
    /// Returns the state with borrowed texts.
    pub fn as_ref(&self) -> SavedState<&str> {
        SavedState { visitor: &self.visitor, session: &self.session, dedup: &self.dedup }
    }
}

/// The result of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SendResult {
    /// The number of the request.
    pub request: u32,
    /// The HTTP status; 0 if there was no response.
    pub status: u16,
    /// The response's `Retry-After`.
    pub retry_after: Option<Millis>,
    /// The body of the response.
    pub body: String,
}
