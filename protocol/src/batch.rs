//! Many events in one request, and the answer to it.

use serde::{Deserialize, Serialize};

use crate::json_writer;

/// What a page says of itself with every batch.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// The project's public token.
    pub token: &'a str,
    /// The version of the library in the page; `trackingLibraryVersion` on the wire.
    pub version: &'a str,
    /// How many events the page has lost that the collector has not heard of; said where there are any.
    pub dropped: u32,
}

/// Returns the body of `POST /v2/batch` for finished event texts.
pub fn body<'a>(sender: Sender<'_>, sent_at: u64, events: impl Iterator<Item = &'a str>) -> String {
    let mut out = String::new();
    json_writer::push_ascii(&mut out, b'{');
    json_writer::push_field(&mut out, "token", sender.token);
    json_writer::push_field(&mut out, "trackingLibraryVersion", sender.version);
    json_writer::push_key(&mut out, "sentAt");
    json_writer::push_integer(&mut out, sent_at);
    if sender.dropped > 0 {
        json_writer::push_key(&mut out, "dropped");
        json_writer::push_integer(&mut out, u64::from(sender.dropped));
    }
    json_writer::push_key(&mut out, "events");
    json_writer::push_ascii(&mut out, b'[');
    for event in events {
        json_writer::push_comma(&mut out);
        out.push_str(event);
    }
    out.push_str("]}");
    out
}

/// What became of a batch. The answer's text begins with [`BatchResponse::JSON_PREFIX`]: a page knows by it that the collector spoke and not some
/// portal in between.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchResponse {
    /// How many events are stored by this request.
    pub accepted: u64,
    /// How many had been stored before.
    pub duplicates: u64,
    /// Those that never will be stored.
    pub rejected: Vec<Rejection>,
}

impl BatchResponse {
    /// How the text of an answer begins.
    pub const JSON_PREFIX: &'static str = "{\"accepted\":";
}

/// Why one event was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The event's id, where it has one.
    pub id: Option<String>,
    /// For programs; never changes.
    pub code: String,
    /// For people; names the field.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Page, Visitor};
    use crate::params::EventParams;

    #[test]
    fn a_batch_is_the_documented_json() {
        let event = Event {
            id: "01890a5d-0000-7000-8000-000000000000".into(),
            kind: "product_view",
            api: "shop",
            time: 1_518_004_715_732,
            visitor: Visitor::Id("ab"),
            session_id: Some("s"),
            store_id: None,
            page: Page { url: "https://shop/\"x\"", ..Page::default() },
            params: EventParams::from_stored(r#"{"product_id":"2"}"#.into()),
        };
        let mut text = String::new();
        event.write(&mut text);
        let body = body(Sender { token: "t", version: "1", dropped: 2 }, 7, [text.as_str(), text.as_str()].into_iter());
        let read: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(read["events"][1], read["events"][0]);
        assert_eq!(
            read["events"][0],
            serde_json::json!({
                "id": "01890a5d-0000-7000-8000-000000000000", "type": "product_view", "api": "shop", "time": 1_518_004_715_732_u64,
                "visitorId": "ab", "sessionId": "s", "page": {"url": "https://shop/\"x\""}, "params": {"product_id": "2"}
            })
        );
        assert_eq!((&read["token"], &read["trackingLibraryVersion"], &read["sentAt"]), (&"t".into(), &"1".into(), &7.into()));
        assert_eq!(read["dropped"], 2);
    }

    #[test]
    fn an_answer_opens_as_pages_expect() {
        assert!(serde_json::to_string(&BatchResponse::default()).unwrap().starts_with(BatchResponse::JSON_PREFIX));
    }
}
