//! The body of `POST /v2/batch`: from its bytes to the texts of its events.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;
use tillroll_protocol::dyn_value::DynValue;
use tillroll_protocol::limits;

use crate::decode::body_error::BodyError;
use crate::decode::json_tree::{Scalar, type_name, type_of};
use crate::decode::model::Text;

/// The body of `POST /v2/batch`, with events that are not decoded yet.
#[derive(Debug)]
pub struct Batch<'a> {
    /// The project's public token.
    pub token: Text<'a>,
    /// The JSON text of each event.
    pub events: Vec<&'a str>,
    /// When the page sent the request, in milliseconds since 1970 by the page's clock.
    pub sent_at: Option<u64>,
    /// How many events the page reports as lost.
    pub dropped: u64,
}

/// Parses the body of a request. The collector ignores `trackingLibraryVersion`; it helps a person who reads a request.
pub fn batch(body: &[u8]) -> Result<Batch<'_>, BodyError> {
    let text = std::str::from_utf8(body).map_err(|error| BodyError::NotJson(error.to_string()))?.trim_start();
    let fields: Fields<'_> = serde_json::from_str(text).map_err(|error| explain(&error, text))?;
    // serde accepts a list for the values of a struct's fields in their order.
    if !text.starts_with('{') {
        return Err(BodyError::BadField { field: "body", wanted: "an object", found: "a list" });
    }
    let token = match fields.token.0 {
        DynValue::Text(token) => token,
        other => return Err(BodyError::BadField { field: "token", wanted: "a string", found: type_name(&other) }),
    };
    match fields.events {
        Events::List { count, .. } if count > limits::MAX_BATCH_EVENTS => {
            Err(BodyError::TooManyEvents { found: count, limit: limits::MAX_BATCH_EVENTS })
        }
        Events::List { texts, .. } => {
            let (sent_at, dropped) = (integer(&fields.sent_at), integer(&fields.dropped).unwrap_or(0));
            Ok(Batch { token, events: texts, sent_at, dropped })
        }
        Events::Other(found) => Err(BodyError::BadField { field: "events", wanted: "a list", found }),
    }
}

fn explain(error: &serde_json::Error, text: &str) -> BodyError {
    // Of a text whose first fields are invalid the rest is still unread.
    match (error.classify(), serde_json::from_str::<IgnoredAny>(text)) {
        (Category::Data, Ok(_)) if text.starts_with('{') => {
            BodyError::BadField { field: "body", wanted: "an object with each field once", found: "a field twice" }
        }
        (Category::Data, Ok(_)) => BodyError::BadField { field: "body", wanted: "an object", found: type_of(text) },
        _ => BodyError::NotJson(error.to_string()),
    }
}

/// Returns the value if it is an integer from 0 up.
fn integer(value: &Scalar<'_>) -> Option<u64> {
    if let DynValue::Number(text) = &value.0 { text.parse().ok() } else { None }
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Fields<'a> {
    #[serde(default)]
    token: Scalar<'a>,
    #[serde(default, rename = "sentAt")]
    sent_at: Scalar<'a>,
    #[serde(default)]
    dropped: Scalar<'a>,
    #[serde(default)]
    events: Events<'a>,
}

/// The field `events`: the texts of its elements up to the limit, or the type of another value.
enum Events<'a> {
    List { texts: Vec<&'a str>, count: usize },
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
        while texts.len() < limits::MAX_BATCH_EVENTS {
            let Some(text) = list.next_element::<&RawValue>()? else { return Ok(Events::List { count: texts.len(), texts }) };
            texts.push(text.get());
        }
        let mut count = texts.len();
        while list.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Events::List { count, texts })
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

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Events::Other("an object"))
    }
}
