//! One event, as it goes over the wire.

use crate::json;

/// Something that happened in a shop.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// A UUID of version 7, made when the call was made: the key that makes sending again harmless.
    pub id: String,
    /// The name of its [`Kind`](crate::kinds::Kind); `type` on the wire.
    pub kind: String,
    /// Whose words the page spoke.
    pub api: String,
    /// When the call was made, in milliseconds since 1970 by the caller's clock.
    pub time: u64,
    /// Who did it.
    pub visitor: Visitor,
    /// The visit that it belongs to.
    pub session_id: Option<String>,
    /// The store of a shop that has several.
    pub store_id: Option<String>,
    /// Where it happened.
    pub page: Page,
    /// The parameters, as a JSON object made by [`params::read`](crate::params::read).
    pub params: String,
}

/// Who did it: an anonymous id until the e-mail is known, the e-mail from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visitor {
    /// The content of the visitor's cookie; `visitorId` on the wire.
    Id(String),
    /// A normalised address; `visitorEmail` on the wire.
    Email(String),
}

/// The page on which something happened; an empty text means that it is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Its address.
    pub url: String,
    /// The address of the page before it.
    pub referrer: String,
    /// Its title.
    pub title: String,
}

impl Event {
    /// Appends the event as JSON.
    pub fn write(&self, out: &mut String) {
        out.push('{');
        json::member(out, "id", &self.id);
        json::member(out, "type", &self.kind);
        json::member(out, "api", &self.api);
        json::key(out, "time");
        json::integer(out, self.time);
        match &self.visitor {
            Visitor::Id(id) => json::member(out, "visitorId", id),
            Visitor::Email(email) => json::member(out, "visitorEmail", email),
        }
        optional(out, "sessionId", self.session_id.as_deref());
        optional(out, "storeId", self.store_id.as_deref());
        json::key(out, "page");
        self.page.write(out);
        json::key(out, "params");
        out.push_str(&self.params);
        out.push('}');
    }
}

impl Page {
    /// Appends the page as JSON, without what is not known.
    pub fn write(&self, out: &mut String) {
        out.push('{');
        for (name, text) in [("url", &self.url), ("referrer", &self.referrer), ("title", &self.title)] {
            optional(out, name, Some(text.as_str()).filter(|text| !text.is_empty()));
        }
        out.push('}');
    }
}

fn optional(out: &mut String, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        json::member(out, name, text);
    }
}
