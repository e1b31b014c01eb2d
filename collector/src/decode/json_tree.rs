//! JSON of any shape as the protocol's [`DynValue`], with texts borrowed from the request.
//!
//! This replaces `serde_json::Value`: [`DynValue`] is what validation reads, and building it directly saves every event a copy.
//!
//! A tree can take fifty times the memory of its text. So it is built of texts that are short, or with a limit of the number of values.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use tillroll_protocol::dyn_value::DynValue;
use tillroll_protocol::limits;
use tillroll_protocol::number_text;

use crate::decode::model::Text;
use crate::decode::rejection::RejectReason;

/// The greatest depth of a field's value. The page counts its depth from an argument and the collector from the event, so the collector
/// allows twice as much.
const MAX_FIELD_DEPTH: usize = 2 * limits::MAX_DEPTH;

/// The most bytes of a path in a message.
const MAX_PATH_BYTES: usize = 200;

/// The most characters of a sender's text in a message.
const MAX_SHORT_CHARS: usize = 64;

/// A JSON value of any type.
pub type JsonValue<'a> = DynValue<Text<'a>>;

/// A [`JsonValue`] that can be deserialised.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonTree<'a>(pub JsonValue<'a>);

impl Default for JsonTree<'_> {
    fn default() -> Self {
        Self(DynValue::Null)
    }
}

impl JsonTree<'_> {
    /// Returns the type of the value, for messages.
    pub fn type_name(&self) -> &'static str {
        type_name(&self.0)
    }

    /// Returns the value if it is an integer from 0 up.
    pub fn integer(&self) -> Option<u64> {
        let DynValue::Number(text) = &self.0 else { return None };
        text.parse().ok()
    }
}

/// A value of which only scalars are read; a list or an object is read as an empty one.
#[derive(Clone, Debug)]
pub(super) struct Scalar<'a>(pub(super) JsonValue<'a>);

impl Default for Scalar<'_> {
    fn default() -> Self {
        Self(DynValue::Null)
    }
}

impl Scalar<'_> {
    /// Returns the value as text if it is a string.
    pub(super) fn text(self) -> Option<String> {
        if let DynValue::Text(text) = self.0 { Some(text.into_owned()) } else { None }
    }
}

/// Why a text is not parsed into a tree.
#[derive(Debug)]
pub enum TreeError {
    /// The text is not JSON.
    NotJson(serde_json::Error),
    /// The text has more values than the tree may have.
    TooManyValues,
}

/// Parses JSON with at most `max` values: elements of lists and members of objects, at any depth.
pub fn parse_tree(json: &str, max: usize) -> Result<JsonValue<'_>, TreeError> {
    let budget = Budget::new(max);
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let tree = TreeSeed(&budget).deserialize(&mut deserializer).and_then(|tree| deserializer.end().map(|()| tree));
    tree.map_err(|error| budget.explain(error))
}

/// How many values may still be read.
pub(crate) struct Budget(Cell<usize>);

impl Budget {
    pub(crate) fn new(max: usize) -> Self {
        Self(Cell::new(max))
    }

    /// Counts a value.
    pub(crate) fn spend<E: serde::de::Error>(&self) -> Result<(), E> {
        match self.0.get().checked_sub(1) {
            Some(left) => {
                self.0.set(left);
                Ok(())
            }
            None => {
                self.0.set(usize::MAX);
                Err(E::custom("too many values"))
            }
        }
    }

    /// Returns the error of a text whose parsing ended with this one.
    pub(crate) fn explain(&self, error: serde_json::Error) -> TreeError {
        if self.0.get() == usize::MAX { TreeError::TooManyValues } else { TreeError::NotJson(error) }
    }
}

/// Returns the type of the JSON value that starts with this text, for messages.
pub(crate) fn type_of(json: &str) -> &'static str {
    match json.trim_start().bytes().next() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "nothing",
        Some(b'-' | b'0'..=b'9') => "a number",
        _ => "nothing readable",
    }
}

/// Returns the type of a value for messages: `a string`, `an object` and so on.
pub fn type_name(value: &JsonValue<'_>) -> &'static str {
    match value {
        DynValue::Null => "nothing",
        DynValue::Bool(_) => "a boolean",
        DynValue::Number(_) => "a number",
        DynValue::Text(_) => "a string",
        DynValue::List(_) => "a list",
        DynValue::Object(_) => "an object",
    }
}

/// Returns the type of a value for messages, with the property that makes it invalid in most cases.
pub fn describe(value: &JsonValue<'_>) -> &'static str {
    match value {
        DynValue::Text(text) if text.trim().is_empty() => "an empty string",
        DynValue::Number(text) if text.starts_with('-') => "a negative number",
        DynValue::Number(text) if text.contains(['.', 'e']) => "a number with a fraction or an exponent",
        other => type_name(other),
    }
}

/// Returns the rejection of a field that is missing or has an invalid value.
pub fn bad_field(field: &str, wanted: &'static str, value: &JsonValue<'_>) -> RejectReason {
    RejectReason::BadField { field: field.into(), wanted, found: describe(value) }
}

/// Checks the limits of an event's JSON form: its size in bytes, and the strings and the depth of its fields.
pub fn check_limits(bytes: usize, fields: &[(&str, &JsonValue<'_>)]) -> Result<(), RejectReason> {
    if bytes > limits::MAX_EVENT_BYTES {
        return Err(RejectReason::EventTooLarge(bytes));
    }
    check_fields(fields)
}

/// Checks the limits of the strings and the depth of fields.
pub(super) fn check_fields(fields: &[(&str, &JsonValue<'_>)]) -> Result<(), RejectReason> {
    match fields.iter().find_map(|(name, value)| find_violation(value, MAX_FIELD_DEPTH).map(|violation| violation.under(name))) {
        Some(LimitViolation::Long(field, bytes)) => Err(RejectReason::StringTooLong { field, bytes }),
        Some(LimitViolation::Deep(field)) => Err(RejectReason::TooDeep(field)),
        None => Ok(()),
    }
}

/// A limit that a value exceeds.
enum LimitViolation {
    /// The path and the length in bytes of a string, or of a member's name.
    Long(String, usize),
    /// The path of a value that is nested too deeply.
    Deep(String),
}

fn find_violation(value: &JsonValue<'_>, depth: usize) -> Option<LimitViolation> {
    if depth == 0 {
        return Some(LimitViolation::Deep(String::new()));
    }
    match value {
        DynValue::Text(text) if text.len() > limits::MAX_STRING_BYTES => Some(LimitViolation::Long(String::new(), text.len())),
        DynValue::List(elements) => elements
            .iter()
            .enumerate()
            .find_map(|(at, element)| find_violation(element, depth - 1).map(|violation| violation.under(&format!("[{at}]")))),
        DynValue::Object(members) => members.iter().find_map(|(name, value)| {
            if name.len() > limits::MAX_STRING_BYTES {
                return Some(LimitViolation::Long(".(a name)".into(), name.len()));
            }
            find_violation(value, depth - 1).map(|violation| violation.under(&format!(".{}", shorten(name))))
        }),
        _ => None,
    }
}

impl LimitViolation {
    /// Prepends a step to the path. A long path is cut to its beginning.
    fn under(self, step: &str) -> Self {
        let join = |path: String| if step.len() + path.len() > MAX_PATH_BYTES { format!("{step}…") } else { format!("{step}{path}") };
        match self {
            Self::Long(path, bytes) => Self::Long(join(path), bytes),
            Self::Deep(path) => Self::Deep(join(path)),
        }
    }
}

/// Returns the beginning of a sender's text, for a message.
pub(super) fn shorten(text: &str) -> &str {
    text.char_indices().nth(MAX_SHORT_CHARS).map_or(text, |(end, _)| text.get(..end).unwrap_or_default())
}

/// A member's name, borrowed if it contains no escape sequence.
#[derive(Deserialize)]
pub(crate) struct Name<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for JsonTree<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        TreeSeed(&Budget::new(usize::MAX - 1)).deserialize(deserializer).map(Self)
    }
}

/// Deserialises a tree within a budget.
#[derive(Clone, Copy)]
pub(crate) struct TreeSeed<'b>(pub(crate) &'b Budget);

impl<'de> DeserializeSeed<'de> for TreeSeed<'_> {
    type Value = JsonValue<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(TreeVisitor(Some(self.0)))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor(None)).map(Self)
    }
}

/// Builds a tree within a budget; without one, a list or an object becomes an empty one.
struct TreeVisitor<'b>(Option<&'b Budget>);

impl<'de> Visitor<'de> for TreeVisitor<'_> {
    type Value = JsonValue<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(DynValue::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(DynValue::Bool(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(DynValue::Number(number.to_string().into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(DynValue::Number(number.to_string().into()))
    }

    /// Prints the number as JavaScript does: the product id that PHP writes as `2.0` is product 2.
    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(DynValue::Number(number_text::float_text(number).into()))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(DynValue::Text(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(DynValue::Text(text.to_owned().into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        let Some(budget) = self.0 else {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(DynValue::List(elements));
        };
        while let Some(element) = list.next_element_seed(TreeSeed(budget))? {
            budget.spend()?;
            elements.push(element);
        }
        Ok(DynValue::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        let Some(budget) = self.0 else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(DynValue::Object(members));
        };
        while let Some(Name(name)) = map.next_key()? {
            budget.spend()?;
            members.push((name, map.next_value_seed(TreeSeed(budget))?));
        }
        Ok(DynValue::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> JsonValue<'_> {
        serde_json::from_str::<JsonTree<'_>>(text).unwrap().0
    }

    #[test]
    fn numbers_are_printed_as_javascript_prints_them() {
        for (text, printed) in [("2", "2"), ("2.0", "2"), ("-0.5", "-0.5"), ("12.50", "12.5"), ("1e21", "1e21"), ("0.0", "0")] {
            assert_eq!(parse(text), DynValue::Number(printed.into()));
        }
    }

    #[test]
    fn text_without_escape_sequence_is_borrowed() {
        let text = r#"{"name":"a","n\u0061me":"\u0061"}"#;
        let DynValue::Object(members) = parse(text) else { panic!("an object") };
        let is_borrowed = |text: &Text<'_>| matches!(text, Text::Borrowed(_));
        let borrowed = members.iter().map(|(name, value)| matches!(value, DynValue::Text(text) if is_borrowed(text) && is_borrowed(name)));
        assert_eq!(borrowed.collect::<Vec<_>>(), [true, false]);
        assert_eq!(members[0], ("name".into(), DynValue::Text("a".into())));
        assert_eq!(members[1], members[0]);
    }

    #[test]
    fn exceeded_limit_is_reported_with_its_path() {
        let check = |text: &str| check_limits(1, &[("params", &parse(text))]);
        let long = "x".repeat(limits::MAX_STRING_BYTES + 1);
        assert_eq!(
            check(&format!(r#"{{"a":[1,{{"b":"{long}"}}]}}"#)),
            Err(RejectReason::StringTooLong { field: "params.a[1].b".into(), bytes: limits::MAX_STRING_BYTES + 1 })
        );
        let deep = format!("{}1{}", "[".repeat(30), "]".repeat(30));
        assert!(matches!(check(&deep), Err(RejectReason::TooDeep(path)) if path.starts_with("params[0][0]")));
        let allowed = format!("{}1{}", "[".repeat(23), "]".repeat(23));
        assert_eq!(check(&allowed), Ok(()));
        let event_too_large = check_limits(limits::MAX_EVENT_BYTES + 1, &[]);
        assert_eq!(event_too_large, Err(RejectReason::EventTooLarge(limits::MAX_EVENT_BYTES + 1)));
    }

    proptest! {
        #[test]
        fn parsed_float_keeps_its_value(number: f64) {
            prop_assume!(number.is_finite());
            let text = serde_json::to_string(&number).unwrap();
            let DynValue::Number(text) = parse(&text) else { panic!("a number") };
            prop_assert_eq!(text.parse::<f64>().unwrap(), number);
        }
    }
}
