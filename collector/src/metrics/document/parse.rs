//! Parses the text of a record into rows, in one pass and without a tree of values.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use tillroll_protocol::limits::AMOUNT_RANGE;

use crate::metrics::catalog::{Field, FieldType, RecordKind};
use crate::metrics::document::scalar::{self, Scalar};
use crate::metrics::document::schema::{Member, ObjectSchema, RecordSchema, inner_arrays};
use crate::metrics::document::{InvalidRecord, Record, RecordError, Row};

/// How records are parsed.
pub(super) struct Parser {
    record: Record,
    schema: &'static RecordSchema,
    is_strict: bool,
    /// The latest time, in milliseconds since 1970.
    latest: i64,
    /// The names that lead to the value that is parsed.
    path: Vec<&'static str>,
    expected: Option<&'static str>,
}

/// What stands where an object is expected.
#[derive(PartialEq)]
enum Found {
    Object,
    Null,
    Other,
}

impl Parser {
    pub(super) fn new(kind: RecordKind, is_strict: bool, latest: i64) -> Self {
        let schema = RecordSchema::of(kind);
        let rows: Vec<_> = schema.widths.iter().map(|_| Vec::new()).collect();
        let record = Record { kind, rows, ignored: 0, unknown: Vec::new() };
        Self { record, schema, is_strict, latest, path: Vec::new(), expected: None }
    }

    /// Parses UTF-8, which is checked as a whole: to check each string by itself takes several times as long.
    pub(super) fn parse(self, text: &[u8]) -> Result<Record, RecordError> {
        match std::str::from_utf8(text) {
            Ok(text) => self.parse_json(serde_json::Deserializer::from_str(text)),
            // This finds where the text is not UTF-8.
            Err(_) => self.parse_json(serde_json::Deserializer::from_slice(text)),
        }
    }

    fn parse_json<'de>(mut self, mut json: serde_json::Deserializer<impl serde_json::de::Read<'de>>) -> Result<Record, RecordError> {
        self.add_row(0, 0);
        let schema = &self.schema.root;
        let object = ObjectSeed { parser: &mut self, schema, at: (0, 0) };
        let found = object.deserialize(&mut json).and_then(|found| json.end().map(|()| found));
        match (self.expected, found) {
            (Some(expected), _) => Err(RecordError::Invalid(InvalidRecord { path: self.path.join("."), expected })),
            (None, Err(error)) => Err(RecordError::NotJson(error)),
            (None, Ok(Found::Object)) => self.record.finish(),
            (None, Ok(Found::Null | Found::Other)) => {
                Err(RecordError::Invalid(InvalidRecord { path: String::new(), expected: "an object" }))
            }
        }
    }

    fn add_row(&mut self, table: usize, parent: i32) {
        self.record.rows[table].push(Row { parent, values: vec![Scalar::Null; self.schema.widths[table]] });
    }

    /// Ends the parsing with an error, or ignores a value that is not the expected one.
    fn invalid<E: Error>(&mut self, expected: &'static str) -> Result<(), E> {
        if self.is_strict {
            self.expected = Some(expected);
            return Err(E::custom(expected));
        }
        self.record.ignored += 1;
        Ok(())
    }

    /// Removes the elements that a previous array with the same name left.
    fn clear_array(&mut self, table: usize, parent: i32) {
        if self.record.rows[table].is_empty() {
            return;
        }
        // Rows of a nested array are parsed within their parent, and an outer array is removed as a whole.
        self.record.rows[table].retain(|row| row.parent != parent);
        inner_arrays(self.record.kind, table).for_each(|inner| self.record.rows[inner].clear());
    }
}

/// Parses an object into the row at a table and place.
struct ObjectSeed<'p> {
    parser: &'p mut Parser,
    schema: &'static ObjectSchema,
    at: (usize, usize),
}

impl<'de> DeserializeSeed<'de> for ObjectSeed<'_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ObjectSeed<'_> {
    type Value = Found;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        let Self { parser, schema, at } = self;
        let mut next = 0;
        while let Some(name) = map.next_key_seed(NameSeed { schema, next })? {
            let (name, member) = match name {
                Ok(place) => {
                    next = place + 1;
                    let (name, member) = &schema.members[place];
                    (*name, member)
                }
                Err(unknown) => {
                    map.next_value::<IgnoredAny>()?;
                    parser.record.ignored += 1;
                    if parser.path.is_empty() {
                        parser.record.unknown.push(unknown);
                    }
                    continue;
                }
            };
            parser.path.push(name);
            match member {
                Member::Attribute(field, column) => {
                    let value = match map.next_value_seed(ValueSeed { field, latest: parser.latest })? {
                        Ok(value) => value,
                        Err(expected) => parser.invalid(expected).map(|()| Scalar::Null)?,
                    };
                    parser.record.rows[at.0][at.1].values[*column] = value;
                }
                Member::Object(inner) => {
                    // The last of several members with one name counts.
                    inner.clear(&mut parser.record.rows[at.0][at.1]);
                    if map.next_value_seed(ObjectSeed { parser, schema: inner, at })? == Found::Other {
                        parser.invalid("an object")?;
                    }
                }
                Member::Array(schema, table) => {
                    let parent = i32::try_from(at.1).unwrap_or(i32::MAX);
                    parser.clear_array(*table, parent);
                    if !map.next_value_seed(ArraySeed { parser, schema, table: *table, parent })? {
                        parser.clear_array(*table, parent);
                        parser.invalid("a list of objects")?;
                    }
                }
            }
            parser.path.pop();
        }
        Ok(Found::Object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Found, A::Error> {
        skip(seq).map(|()| Found::Other)
    }

    fn visit_unit<E: Error>(self) -> Result<Found, E> {
        Ok(Found::Null)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Found, E> {
        Ok(Found::Other)
    }
}

impl ObjectSchema {
    fn clear(&self, row: &mut Row) {
        for (_, member) in &self.members {
            match member {
                Member::Attribute(_, column) => row.values[*column] = Scalar::Null,
                Member::Object(inner) => inner.clear(row),
                Member::Array(..) => {}
            }
        }
    }
}

/// Parses the name of a member, and returns the place of the member in the schema; an unknown name is returned as it is.
struct NameSeed {
    schema: &'static ObjectSchema,
    /// The place after that of the previous member.
    next: usize,
}

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Result<usize, String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed {
    type Value = Result<usize, String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.schema.place(name, self.next).ok_or_else(|| name.to_owned()))
    }
}

/// Parses the elements of an array. Returns false if it is no list of objects; null is an empty one.
struct ArraySeed<'p> {
    parser: &'p mut Parser,
    schema: &'static ObjectSchema,
    table: usize,
    parent: i32,
}

impl<'de> DeserializeSeed<'de> for ArraySeed<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ArraySeed<'_> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        let Self { parser, schema, table, parent } = self;
        loop {
            let at = (table, parser.record.rows[table].len());
            parser.add_row(table, parent);
            match seq.next_element_seed(ObjectSeed { parser, schema, at })? {
                Some(Found::Object) => {}
                Some(Found::Null | Found::Other) => return skip(seq).map(|()| false),
                None => break,
            }
        }
        parser.record.rows[table].pop();
        Ok(true)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(false)
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }
}

/// Parses the value of an attribute; the inner error is the expected value.
struct ValueSeed {
    field: &'static Field,
    latest: i64,
}

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Result<Scalar, &'static str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl ValueSeed {
    fn number(&self, number: &serde_json::Number) -> Result<Scalar, &'static str> {
        match self.field.kind {
            FieldType::Text => Ok(Scalar::Text(number.to_string())),
            FieldType::Integer => number.as_f64().and_then(scalar::whole).map(Scalar::Integer).ok_or("a whole number"),
            FieldType::Number | FieldType::Amount => {
                number.as_f64().and_then(scalar::millionths_of).map(Scalar::Millionths).ok_or(AMOUNT_RANGE)
            }
            _ => Err(self.expected()),
        }
    }

    fn expected(&self) -> &'static str {
        match self.field.kind {
            FieldType::Text => "a string",
            FieldType::Bool => "true or false",
            FieldType::Integer => "a whole number",
            FieldType::Number | FieldType::Amount => "a number",
            FieldType::Timestamp => "a date and time in ISO 8601",
            FieldType::Organization | FieldType::Texts => "left out",
        }
    }
}

impl<'de> Visitor<'de> for ValueSeed {
    type Value = Result<Scalar, &'static str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.expected())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(match self.field.kind {
            FieldType::Text => Ok(Scalar::Text(text.to_owned())),
            FieldType::Timestamp => scalar::time(text, self.latest).ok_or_else(|| self.expected()),
            _ => Err(self.expected()),
        })
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(if self.field.kind == FieldType::Bool { Ok(Scalar::Bool(value)) } else { Err(self.expected()) })
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(self.number(&number.into()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(self.number(&number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(serde_json::Number::from_f64(number).map_or_else(|| Err(self.expected()), |number| self.number(&number)))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Ok(Scalar::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        skip(seq).map(|()| Err(self.expected()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Err(self.expected()))
    }
}

fn skip<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<(), A::Error> {
    while seq.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}
