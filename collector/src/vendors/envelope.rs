//! The outer form of a vendor's request: a JSON object that names its project by a token.
//!
//! Anyone can send a request, so reading one takes time and memory in proportion to its length at most: the list of a batch stays text
//! until each of its records is parsed by itself.

use std::fmt;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use tillroll_protocol::dyn_value::DynValue;

use crate::decode::{BodyError, Budget, JsonValue, Name, TreeError, TreeSeed, parse_tree, type_name, type_of};

/// The most values of one record, or of the other members of a request: elements of lists and members of objects.
pub(crate) const MAX_VALUES: usize = 50_000;

/// The most records of a batch: as many of the shortest ones as a body may hold.
const MAX_RECORDS: usize = 250_000;

/// The member that holds the records of a batch.
const BATCH: &str = "batch";

/// The body of a request, of which only the token is validated.
#[derive(Debug)]
pub struct Envelope<'a> {
    /// The project's public token.
    pub token: String,
    /// The members other than `batch`.
    pub members: JsonValue<'a>,
    /// The JSON of `batch`.
    batch: Option<&'a str>,
}

impl<'a> Envelope<'a> {
    /// Parses a body. The sender is not authenticated yet, so an error concerns nothing but the token.
    pub fn parse(body: &'a [u8]) -> Result<Self, BodyError> {
        let (members, batch) = parse_members(body)?;
        match members.get("token") {
            DynValue::Text(token) | DynValue::Number(token) => Ok(Self { token: token.clone().into_owned(), members, batch }),
            other => Err(BodyError::BadField { field: "token", wanted: "a string", found: type_name(other) }),
        }
    }

    /// Returns the JSON of each record of a batch.
    pub fn records(&self) -> Result<Vec<&'a str>, BodyError> {
        let wrong = |found| BodyError::BadField { field: BATCH, wanted: "a list", found };
        let batch = self.batch.ok_or(wrong("nothing"))?;
        match serde_json::Deserializer::from_str(batch).deserialize_any(RecordsVisitor) {
            Ok(records) if records.len() > MAX_RECORDS => Err(BodyError::TooManyRecords { limit: MAX_RECORDS }),
            Ok(records) => Ok(records),
            Err(_) => Err(wrong(type_of(batch))),
        }
    }
}

/// Parses a body that must be a JSON object.
pub(super) fn parse_object(body: &[u8]) -> Result<JsonValue<'_>, BodyError> {
    match parse_tree(text(body)?, MAX_VALUES).map_err(body_error)? {
        object @ DynValue::Object(_) => Ok(object),
        other => Err(BodyError::BadField { field: "body", wanted: "an object", found: type_name(&other) }),
    }
}

fn text(body: &[u8]) -> Result<&str, BodyError> {
    std::str::from_utf8(body).map_err(|error| BodyError::NotJson(error.to_string()))
}

fn body_error(error: TreeError) -> BodyError {
    match error {
        TreeError::NotJson(error) => BodyError::NotJson(error.to_string()),
        TreeError::TooManyValues => BodyError::TooManyValues { limit: MAX_VALUES },
    }
}

fn parse_members(body: &[u8]) -> Result<(JsonValue<'_>, Option<&str>), BodyError> {
    let text = text(body)?;
    if type_of(text) != "an object" {
        // A body that is no JSON at all has another error.
        serde_json::from_str::<IgnoredAny>(text).map_err(|error| BodyError::NotJson(error.to_string()))?;
        return Err(BodyError::BadField { field: "body", wanted: "an object", found: type_of(text) });
    }
    let budget = Budget::new(MAX_VALUES);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed = deserializer.deserialize_map(MembersVisitor(&budget)).and_then(|parsed| deserializer.end().map(|()| parsed));
    parsed.map_err(|error| body_error(budget.explain(error)))
}

struct MembersVisitor<'b>(&'b Budget);

impl<'de> Visitor<'de> for MembersVisitor<'_> {
    type Value = (JsonValue<'de>, Option<&'de str>);

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut members, mut batch) = (Vec::new(), None);
        while let Some(Name(name)) = map.next_key()? {
            if name == BATCH {
                let text = map.next_value::<&RawValue>()?.get();
                batch.get_or_insert(text);
            } else {
                self.0.spend()?;
                members.push((name, map.next_value_seed(TreeSeed(self.0))?));
            }
        }
        Ok((DynValue::Object(members), batch))
    }
}

/// Returns the texts of the records, at most one more than the limit. PHP writes a list with gaps as an object.
struct RecordsVisitor;

impl<'de> Visitor<'de> for RecordsVisitor {
    type Value = Vec<&'de str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut records = Vec::new();
        while let Some(record) = list.next_element::<&RawValue>()? {
            if records.len() <= MAX_RECORDS {
                records.push(record.get());
            }
        }
        Ok(records)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut records = Vec::new();
        while let Some((IgnoredAny, record)) = map.next_entry::<IgnoredAny, &RawValue>()? {
            if records.len() <= MAX_RECORDS {
                records.push(record.get());
            }
        }
        Ok(records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn token_is_parsed_or_reported_as_invalid() {
        let token = |body: &str| Envelope::parse(body.as_bytes()).map(|envelope| envelope.token).map_err(|error| Error::from(error).code());
        assert_eq!(token(r#"{"token":"t","x":1}"#), Ok("t".into()));
        assert_eq!(token("{\"token\":7}"), Ok("7".into()));
        assert_eq!(token(r#"{"token":["t"]}"#), Err("invalid_field"));
        assert_eq!(token("{}"), Err("missing_field"));
        assert_eq!(token("[]"), Err("invalid_field"));
        assert_eq!(token(""), Err("not_json"));
        assert_eq!(token(&format!(r#"{{"token":"t","x":[{}]}}"#, vec!["[]"; MAX_VALUES].join(","))), Err("too_many_values"));
    }

    #[test]
    fn records_of_a_batch_are_texts_until_each_is_parsed() {
        let records = |batch: &str| {
            let body = format!(r#"{{"batch":{batch},"token":"t","batch":[]}}"#);
            let envelope = Envelope::parse(body.as_bytes()).unwrap();
            envelope.records().map(|all| all.join(" ")).map_err(|error| Error::from(error).code())
        };
        assert_eq!(records(r#"[{"a":[1]}, 2]"#), Ok(r#"{"a":[1]} 2"#.into()));
        assert_eq!(records(r#"{"0":{},"7":[]}"#), Ok("{} []".into()));
        assert_eq!(records("null"), Err("missing_field"));
        assert_eq!(records("7"), Err("invalid_field"));
        assert_eq!(records(&format!("[{}]", vec!["0"; MAX_RECORDS + 1].join(","))), Err("too_many_records"));
        assert_eq!(records(&format!("[{}]", vec!["0"; MAX_RECORDS].join(","))).map(|all| all.len()), Ok(2 * MAX_RECORDS - 1));
    }
}
