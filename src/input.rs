//! The inputs of the tracker: everything that happens in the page and in the browser.

use crate::Millis;
use crate::queue::StoredEntry;

numbered! {
    /// The inputs that are texts; the script has a function of each name.
    InputKind {
        /// See [`Input::Start`].
        Start = "start",
        /// See [`Input::Call`].
        Call = "call",
        /// See [`Input::Stored`].
        Stored = "stored",
        /// See [`Input::Restored`].
        Restored = "restored",
        /// See [`Input::Timer`].
        Timer = "onTimer",
        /// See [`Input::Hidden`].
        Hidden = "hidden",
        /// See [`Input::PageHide`].
        PageHide = "pagehide",
        /// See [`Input::StateChanged`].
        StateChanged = "onState",
        /// See [`Input::ServerId`].
        ServerId = "onServerId",
        /// See [`Input::PageShow`].
        PageShow = "pageshow",
        /// See [`Input::Leader`]; the text is empty if this tab is not the leader.
        Leader = "onLeader",
        /// See [`Input::DeletedElsewhere`].
        DeletedElsewhere = "deletedElsewhere",
        /// See [`Input::Online`].
        Online = "online",
        /// See [`Input::Flush`].
        Flush = "flush",
        /// See [`Input::Consent`].
        Consent = "consent",
        /// See [`Input::Reset`].
        Reset = "reset",
    }
}

/// Something that happened. Inputs are borrowed: the tracker copies what it stores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Input<'a> {
    /// The page has loaded the core; once per page, after the saved state and the server's id. The text is as in [`Input::Consent`], or `never` if
    /// the browser denies consent for the visitor. The entry is a call of type `land` that records when and where the page loaded.
    Start(&'a str, StoredEntry<&'a str>),
    /// A call of the page that [`Call::parse`](tillroll_protocol::call::Call::parse) reads. Its key is that in the store, or without the
    /// [suffix](crate::queue::UNDECIDED_SUFFIX) if the call is not stored yet. In the leader's tab also an entry that another tab shares.
    Call(StoredEntry<&'a str>),
    /// A stored entry that [`Host::restore`](crate::effect::Host::restore) requested, in the order of the keys.
    Stored(StoredEntry<&'a str>),
    /// All stored entries are there; no request starts before.
    Restored,
    /// A request has completed or failed.
    RequestDone(&'a SendResult),
    /// The timer of [`Host::set_timer`](crate::effect::Host::set_timer) has fired.
    Timer,
    /// The page is hidden, but may become visible again.
    Hidden,
    /// The page unloads, or enters the back/forward cache.
    PageHide,
    /// Another tab may have changed the saved state; this is the current one.
    StateChanged(SavedState<&'a str>),
    /// A visitor id that the shop's server made, for a visitor without one.
    ServerId(&'a str),
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
    /// The HTTP status; 0 if there was no response.
    pub status: u16,
    /// The response's `Retry-After`.
    pub retry_after: Option<Millis>,
    /// The body of the response.
    pub body: String,
}
