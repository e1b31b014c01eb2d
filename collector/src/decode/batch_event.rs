//! An event of a batch, which was parsed with its batch or has to be parsed by itself.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use tillroll_protocol::receipt::Receipt;

use crate::decode::event::{Fields, event};
use crate::decode::model::{DecodedEvent, Text};
use crate::decode::rejection::RejectedEvent;

/// An event of a batch.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "almost all events are of the large one")]
pub enum BatchEvent<'a> {
    /// One that was parsed with its batch.
    Parsed(ParsedEvent<'a>),
    /// The JSON text.
    Text(&'a str),
}

/// A JSON object that has each field of an event at most once, and whose text is no longer than an event may be.
#[derive(Debug)]
pub struct ParsedEvent<'a>(Fields<'a>);

impl<'a> BatchEvent<'a> {
    /// Decodes the event. `receipt` corrects its time.
    pub fn decode(self, receipt: &Receipt<'_>) -> Result<DecodedEvent<Text<'a>>, RejectedEvent> {
        match self {
            Self::Parsed(ParsedEvent(fields)) => fields.decode(receipt, false),
            Self::Text(text) => event(text, receipt),
        }
    }
}

impl<'a> From<ParsedEvent<'a>> for BatchEvent<'a> {
    fn from(event: ParsedEvent<'a>) -> Self {
        Self::Parsed(event)
    }
}

impl<'a> From<&'a RawValue> for BatchEvent<'a> {
    fn from(event: &'a RawValue) -> Self {
        Self::Text(event.get())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for ParsedEvent<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor).map(Self)
    }
}

/// Accepts objects only. The deserialiser of [`Fields`] would also accept a list, for the values of the fields in their order.
struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Fields::deserialize(MapAccessDeserializer::new(map))
    }
}
