//! From the bytes of `POST /v2/batch` to events of the protocol; pure.
//!
//! The envelope is read as a whole or refused as a whole. Its events are read one by one, so that a bad one never costs its batch.

mod calls;
mod event;
mod fast_event;
mod fast_json;
mod json_scan;
mod json_tree;

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;
use tillroll_protocol::dyn_value::DynValue;
use tillroll_protocol::limits;

pub use crate::ingest::rejection::RejectReason;
pub use calls::read as calls;
pub use event::{
    DecodedEvent, LAST_TIME, RawEvent, RejectedEvent, Text, bad, decode_slow as event_at_length, found_in, read as event, visitor_id,
    within_limits,
};
pub use json_tree::{JsonTree, kind_of};

use crate::Error;
use fast_json::FastReader;

/// A short event; how many of them make a body is how much room its events are given at first.
const SHORT_BYTES: usize = 256;

/// A batch whose events nobody has judged yet.
#[derive(Debug)]
pub struct Batch<'a> {
    /// The project's public token.
    pub token: String,
    /// The events.
    pub events: Vec<RawEvent<'a>>,
    /// How many events the page has lost, as far as it says so.
    pub dropped: u64,
}

/// Reads a batch. `trackingLibraryVersion` and `sentAt` are for people who read a request, not for the collector.
pub fn batch(body: &[u8]) -> Result<Batch<'_>, Error> {
    let text = text(body)?;
    batch_at_a_glance(text).map_or_else(|| envelope(text), Ok)
}

/// Reads a batch with no glance at it first: what is plain, too, can be read so, and comes to the same.
pub fn batch_at_length(body: &[u8]) -> Result<Batch<'_>, Error> {
    envelope(text(body)?)
}

fn text(body: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(body).map(str::trim_start).map_err(|error| Error::NotJson(error.to_string()))
}

fn batch_at_a_glance(text: &str) -> Option<Batch<'_>> {
    let mut glance = FastReader::new(text);
    let (mut token, mut dropped, mut events) = (None, None, None);
    let room = (text.len() / SHORT_BYTES).min(limits::MAX_BATCH_EVENTS);
    glance.object(&["token", "dropped", "events"], |glance, field| match field {
        0 => glance.text(&mut token),
        1 => glance.digits(&mut dropped),
        2 => events_at_a_glance(glance, fast_json::fill(&mut events, Vec::with_capacity(room))?),
        _ => glance.value(&mut DynValue::Null),
    })?;
    let dropped = dropped.map_or(Some(0), |digits| digits.parse().ok())?;
    glance.is_at_end().then_some(Batch { token: token?.to_owned(), events: events?, dropped })
}

fn events_at_a_glance<'a>(glance: &mut FastReader<'a>, events: &mut Vec<RawEvent<'a>>) -> Option<()> {
    glance.list(|glance| {
        events.push(RawEvent::default());
        events.last_mut()?.fill(glance)?;
        (events.len() <= limits::MAX_BATCH_EVENTS).then_some(())
    })
}

fn envelope(text: &str) -> Result<Batch<'_>, Error> {
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|error| fault(&error, text))?;
    // Else serde would take a list for the values of the fields in their order.
    if !text.starts_with('{') {
        return Err(Error::BadField { field: "body", wanted: "an object", found: "a list" });
    }
    let token = match envelope.token.into_text() {
        Ok(token) => token,
        Err(found) => return Err(Error::BadField { field: "token", wanted: "a string", found }),
    };
    let dropped = envelope.dropped.integer().unwrap_or(0);
    match envelope.events {
        Events::List { count, .. } if count > limits::MAX_BATCH_EVENTS => {
            Err(Error::TooManyEvents { found: count, limit: limits::MAX_BATCH_EVENTS })
        }
        Events::List { texts, .. } => {
            Ok(Batch { token, events: texts.into_iter().map(|text| RawEvent::new(text.get())).collect(), dropped })
        }
        Events::Other(found) => Err(Error::BadField { field: "events", wanted: "a list", found }),
    }
}

fn fault(error: &serde_json::Error, text: &str) -> Error {
    match (error.classify(), serde_json::from_str::<JsonTree>(text)) {
        (Category::Data, Ok(JsonTree(DynValue::Object(_)))) => {
            Error::BadField { field: "body", wanted: "an object with each field once", found: "a field twice" }
        }
        (Category::Data, Ok(other)) => Error::BadField { field: "body", wanted: "an object", found: other.kind() },
        _ => Error::NotJson(error.to_string()),
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    token: JsonTree,
    #[serde(default)]
    dropped: JsonTree,
    #[serde(default, borrow)]
    events: Events<'a>,
}

enum Events<'a> {
    List { texts: Vec<&'a RawValue>, count: usize },
    Other(&'static str),
}

impl Default for Events<'_> {
    fn default() -> Self {
        Self::Other("nothing")
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Events<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EventsVisitor)
    }
}

struct EventsVisitor;

impl<'de> Visitor<'de> for EventsVisitor {
    type Value = Events<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        let mut count = 0;
        while texts.len() < limits::MAX_BATCH_EVENTS {
            let Some(text) = list.next_element()? else { return Ok(Events::List { count: texts.len(), texts }) };
            texts.push(text);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Events::List { count: count + texts.len(), texts })
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Events::Other("nothing"))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Events::Other("a boolean"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Events::Other("a number"))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Events::Other("a number"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Events::Other("a number"))
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Events::Other("a string"))
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Events::Other("an object"))
    }
}
