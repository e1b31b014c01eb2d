//! The inputs of the tracker: everything that happens in the page and in the browser.
//!
//! An input crosses the border from the script as its kind and one text, and stays so: an enum of inputs with their values would be made from
//! them, only to be matched once more, for a fiftieth of the page's core.

use tillroll_protocol::number_text;

use crate::Millis;

numbered! {
    /// What happened, with the texts of the input. Tabs pass some to each other by number, so a number keeps its place.
    InputKind {
        /// The page has loaded the core; once per page, after the saved state and the server's id. The visitor's consent as in
        /// [`Consent`](Self::Consent), or `never` if the browser denies it for the visitor; the key and the text of a call of type `land`, which
        /// records when and where the page loaded.
        Start,
        /// A call of the page that [`Call::parse`](tillroll_protocol::call::Call::parse) reads. Its key is that in the store, or without the
        /// [suffix](crate::queue::UNDECIDED_SUFFIX) if the call is not stored yet; its text. In the leader's tab also an entry that another tab
        /// shares.
        Call,
        /// The key and the text of a stored entry that [`Host::restore`](crate::effect::Host::restore) requested, in the order of the keys.
        Stored,
        /// All stored entries are there; no request starts before. Once more when the page's recorded calls are there too. No text.
        Restored,
        /// The timer of [`Host::set_timer`](crate::effect::Host::set_timer) has fired. No text.
        Timer,
        /// The page is hidden, but may become visible again. No text.
        Hidden,
        /// The page unloads, or enters the back/forward cache. No text.
        PageHide,
        /// Another tab may have changed the saved state; this is the current one, see
        /// [`VisitorContext::reload`](tillroll_protocol::visitor_context::VisitorContext::reload): visitor, session, deduplication state.
        StateChanged,
        /// A visitor id that the shop's server made, for a visitor without one.
        ServerId,
        /// The page returns from the back/forward cache. No text.
        PageShow,
        /// Whether this tab is the leader: a text, which is empty if it is not. Each tab is, until this input.
        Leader,
        /// The keys of entries that another tab has deleted, separated by commas.
        DeletedElsewhere,
        /// The network connection is back. No text.
        Online,
        /// The page requests that all events are sent now. No text.
        Flush,
        /// The visitor's consent: `granted`, `denied` or `pending`.
        Consent,
        /// A request has completed or failed: the response's `Retry-After` and its body, see [`SendResult`].
        RequestDone,
    }
}

/// Separates the texts of an input. Only the last one may contain it: values of the page.
pub const SEPARATOR: u8 = 0;

/// Something that happened. Inputs are borrowed: the tracker copies what it stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input<'a> {
    /// What happened.
    pub kind: InputKind,
    /// The texts of the kind, separated by [`SEPARATOR`].
    pub texts: &'a str,
    /// The HTTP status of a response; 0 if there was none, and for all other kinds.
    pub status: u16,
}

/// The result of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendResult<'a> {
    /// The HTTP status; 0 if there was no response.
    pub status: u16,
    /// The response's `Retry-After`, in milliseconds; 0 if there was none.
    pub retry_after: Millis,
    /// The body of the response.
    pub body: &'a str,
}

impl<'a> SendResult<'a> {
    /// Returns the result of a response whose header `Retry-After` is `retry_after`; it counts only if it is a number of seconds.
    pub fn new(status: u16, retry_after: &str, body: &'a str) -> Self {
        let seconds = number_text::parse_integer(retry_after).unwrap_or(0);
        Self { status, retry_after: seconds.wrapping_mul(1_000), body }
    }
}
