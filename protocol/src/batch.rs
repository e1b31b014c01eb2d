//! The batch: many events in one request, and the response.

use serde::{Deserialize, Serialize};

use crate::json_writer;

/// The header of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// The project's public token.
    pub token: &'a str,
    /// The version of the library in the page; `trackingLibraryVersion` on the wire.
    pub version: &'a str,
    /// How many events the page has dropped since the last acknowledged batch; omitted if 0.
    pub dropped: u32,
}

/// Returns the body of `POST /v2/batch` for events in JSON.
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

/// The response to a batch. Its JSON starts with [`BatchResponse::JSON_PREFIX`]: a page checks this, because a captive
/// portal may answer instead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchResponse {
    /// How many events this request has stored.
    pub accepted: u64,
    /// How many events were stored before.
    pub duplicates: u64,
    /// The rejected events, which are never stored.
    pub rejected: Vec<Rejection>,
}

impl BatchResponse {
    /// How the JSON of each response starts.
    pub const JSON_PREFIX: &'static str = "{\"accepted\":";
}

/// Why an event was rejected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The event's id; None if it has none.
    pub id: Option<String>,
    /// The machine-readable code; never changes.
    pub code: String,
    /// The message for people; it names the field.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Page, Visitor};
    use crate::params::EventParams;

    #[test]
    fn batch_is_the_documented_json() {
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
    fn response_starts_with_the_prefix_that_pages_check() {
        assert!(serde_json::to_string(&BatchResponse::default()).unwrap().starts_with(BatchResponse::JSON_PREFIX));
    }
}
