//! The event, as it is sent and stored.

use crate::json_writer;
use crate::params::EventParams;

/// Something that happened in a shop. `S` is how its texts are held: owned, or borrowed from the call.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<S = String> {
    /// A UUID of version 7, made from the call: the collector deduplicates events by it.
    pub id: String,
    /// The name of its [`EventType`](crate::event_types::EventType); `type` on the wire.
    pub kind: S,
    /// The API that the page called; one of [`apis::APIS`](crate::apis::APIS).
    pub api: S,
    /// The time of the call, in milliseconds since 1970 by the caller's clock.
    pub time: u64,
    /// The visitor.
    pub visitor: Visitor<S>,
    /// The session.
    pub session_id: Option<S>,
    /// The store of a shop that has several.
    pub store_id: Option<S>,
    /// The page on which it happened.
    pub page: Page<S>,
    /// The parameters, checked and normalised.
    pub params: EventParams,
}

/// The visitor: an anonymous id until the visitor is identified, then the e-mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visitor<S = String> {
    /// An anonymous id, the value of the visitor cookie; `visitorId` on the wire.
    Id(S),
    /// A normalised e-mail address; `visitorEmail` on the wire.
    Email(S),
}

/// The page on which something happened; an empty text if unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page<S = String> {
    /// The address of the page.
    pub url: S,
    /// The address of the previous page.
    pub referrer: S,
    /// The title of the page.
    pub title: S,
}

impl<S> Event<S> {
    /// Returns the same event with each text converted.
    pub fn map<T>(self, convert: impl Fn(S) -> T) -> Event<T> {
        let Self { id, kind, api, time, visitor, session_id, store_id, page, params } = self;
        Event {
            id,
            kind: convert(kind),
            api: convert(api),
            time,
            visitor: match visitor {
                Visitor::Id(id) => Visitor::Id(convert(id)),
                Visitor::Email(email) => Visitor::Email(convert(email)),
            },
            session_id: session_id.map(&convert),
            store_id: store_id.map(&convert),
            page: page.map(&convert),
            params,
        }
    }
}

impl<S> Page<S> {
    /// Returns the same page with each text converted.
    pub fn map<T>(self, convert: impl Fn(S) -> T) -> Page<T> {
        Page { url: convert(self.url), referrer: convert(self.referrer), title: convert(self.title) }
    }
}

impl<S: AsRef<str>> Page<S> {
    /// Appends the page as JSON, without empty texts.
    pub fn write(&self, out: &mut String) {
        json_writer::push_ascii(out, b'{');
        for (name, text) in [("url", &self.url), ("referrer", &self.referrer), ("title", &self.title)] {
            let text = text.as_ref();
            if !text.is_empty() {
                json_writer::push_field(out, name, text);
            }
        }
        json_writer::push_ascii(out, b'}');
    }
}
