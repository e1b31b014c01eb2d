//! The body of `POST /v2/batch`: from its bytes to its events.
//!
//! Most bodies are read in one pass, which parses their events too. If that fails, only the texts of the events are found, and each is parsed by
//! itself, so that an invalid one never costs its batch.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;
use tillroll_protocol::dyn_value::DynValue;
use tillroll_protocol::limits;

use crate::decode::batch_event::{BatchEvent, ParsedEvent};
use crate::decode::body_error::BodyError;
use crate::decode::json_tree::{Scalar, type_name, type_of};
use crate::decode::model::Text;

/// The body of `POST /v2/batch`, with events that are not decoded yet.
#[derive(Debug)]
pub struct Batch<'a> {
    /// The project's public token.
    pub token: Text<'a>,
    /// The events.
    pub events: Vec<BatchEvent<'a>>,
    /// When the page sent the request, in milliseconds since 1970 by the page's clock.
    pub sent_at: Option<u64>,
    /// How many events the page reports as lost.
    pub dropped: u64,
}

/// Parses the body of a request. The collector ignores `trackingLibraryVersion`; it helps a person who reads a request.
pub fn batch(body: &[u8]) -> Result<Batch<'_>, BodyError> {
    let text = std::str::from_utf8(body).map_err(|error| BodyError::NotJson(error.to_string()))?.trim_start();
    parse_whole(text).map_or_else(|| parse_texts(text), Ok)
}

/// Parses a body with its events, or returns None. No event of a body of this size is too large.
fn parse_whole(text: &str) -> Option<Batch<'_>> {
    if text.len() > limits::MAX_EVENT_BYTES {
        return None;
    }
    check::<ParsedEvent<'_>>(text, serde_json::from_str(text).ok()?).ok()
}

/// Parses a body with the texts of its events.
fn parse_texts(text: &str) -> Result<Batch<'_>, BodyError> {
    check::<&RawValue>(text, serde_json::from_str(text).map_err(|error| explain(&error, text))?)
}

fn check<'a, E: Into<BatchEvent<'a>>>(text: &str, fields: Fields<'a, E>) -> Result<Batch<'a>, BodyError> {
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
        Events::List { events, .. } => {
            let (sent_at, dropped) = (integer(&fields.sent_at), integer(&fields.dropped).unwrap_or(0));
            Ok(Batch { token, events: events.into_iter().map(Into::into).collect(), sent_at, dropped })
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
#[serde(bound(deserialize = "'de: 'a, E: Deserialize<'de>"))]
struct Fields<'a, E> {
    #[serde(default)]
    token: Scalar<'a>,
    #[serde(default, rename = "sentAt")]
    sent_at: Scalar<'a>,
    #[serde(default)]
    dropped: Scalar<'a>,
    #[serde(default)]
    events: Events<E>,
}

/// The field `events`: its elements up to the limit, or the type of another value.
enum Events<E> {
    List { events: Vec<E>, count: usize },
    Other(&'static str),
}

impl<E> Default for Events<E> {
    fn default() -> Self {
        Self::Other("nothing")
    }
}

impl<'de, E: Deserialize<'de>> Deserialize<'de> for Events<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EventsVisitor(PhantomData))
    }
}

struct EventsVisitor<E>(PhantomData<E>);

impl<'de, E: Deserialize<'de>> Visitor<'de> for EventsVisitor<E> {
    type Value = Events<E>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut events = Vec::new();
        while events.len() < limits::MAX_BATCH_EVENTS {
            let Some(event) = list.next_element()? else { return Ok(Events::List { count: events.len(), events }) };
            events.push(event);
        }
        let mut count = events.len();
        while list.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Events::List { count, events })
    }

    fn visit_unit<F>(self) -> Result<Self::Value, F> {
        Ok(Events::Other("nothing"))
    }

    fn visit_bool<F>(self, _: bool) -> Result<Self::Value, F> {
        Ok(Events::Other("a boolean"))
    }

    fn visit_u64<F>(self, _: u64) -> Result<Self::Value, F> {
        Ok(Events::Other("a number"))
    }

    fn visit_i64<F>(self, _: i64) -> Result<Self::Value, F> {
        Ok(Events::Other("a number"))
    }

    fn visit_f64<F>(self, _: f64) -> Result<Self::Value, F> {
        Ok(Events::Other("a number"))
    }

    fn visit_str<F>(self, _: &str) -> Result<Self::Value, F> {
        Ok(Events::Other("a string"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Events::Other("an object"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::changed_json::{Change, changed};
    use proptest::prelude::*;
    use tillroll_protocol::receipt::Receipt;

    const EVENT: &str = r#"{"id":"01890a5d-0000-7000-8000-000000000000","type":"search","api":"tillroll","time":5,"visitorId":"ab","page":{"url":"https://x/"},"params":{"query":"q","url":"/q"}}"#;

    /// What replaces a part of a body.
    const PIECES: &[&str] =
        &["", "null", "1", "1e999", "\"\"", "\"a\"", "[]", "{}", "[1]", "\"time\"", "\"ev\\u0065nts\"", ",", ":", "}", "]", "\"", "é"];

    /// Returns all that a batch contains, with its events decoded.
    fn decoded(batch: Batch<'_>) -> String {
        let receipt = Receipt::of_server(limits::MAX_TIME_MS);
        let events: Vec<_> = batch.events.into_iter().map(|event| event.decode(&receipt)).collect();
        format!("{:?} {:?} {} {events:?}", batch.token, batch.sent_at, batch.dropped)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        #[test]
        fn events_parsed_with_their_batch_are_those_parsed_by_themselves(changes in prop::collection::vec(any::<Change>(), 0..3)) {
            let text = changed(format!(r#"{{"token":"t","sentAt":5,"events":[{EVENT},{EVENT}]}}"#), &changes, PIECES);
            if let Some(whole) = parse_whole(&text) {
                prop_assert_eq!(Ok(decoded(whole)), parse_texts(&text).map(decoded), "{}", text);
            }
        }
    }

    #[test]
    fn a_batch_is_parsed_in_one_pass_unless_one_of_its_events_is_no_object_with_each_field_once() {
        let twice = EVENT.replace(r#""time""#, r#""time":5,"time""#);
        let deep = EVENT.replace(r#""q""#, &format!("{}{}", "[".repeat(200), "]".repeat(200)));
        let too_long = EVENT.replace(r#""q""#, &format!("\"{}\"", "x".repeat(limits::MAX_EVENT_BYTES)));
        for (event, is_whole) in [
            (EVENT, true),
            ("{}", true),
            ("[]", false),
            ("null", false),
            ("1e999", false),
            (&twice, false),
            (&deep, false),
            (&too_long, false),
        ] {
            let text = format!(r#"{{"token":"t","events":[{EVENT},{event}]}}"#);
            assert_eq!(parse_whole(&text).is_some(), is_whole, "{event}");
            let both = batch(text.as_bytes())
                .map(|batch| batch.events.into_iter().map(|event| event.decode(&Receipt::of_server(9)).is_ok()).collect::<Vec<_>>());
            assert_eq!(both, Ok(vec![true, event == EVENT]), "{event}");
        }
    }
}
