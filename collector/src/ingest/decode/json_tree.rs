//! JSON as the protocol's loose tree.
//!
//! A JSON reader of our own kind instead of `serde_json::Value`: the tree is what [`params::parse`](tillroll_protocol::params::parse) takes,
//! and building it directly saves every event a copy.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use tillroll_protocol::dyn_value::DynValue;
use tillroll_protocol::limits;

/// A JSON value of which nothing is known.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonTree(pub DynValue);

impl Default for JsonTree {
    fn default() -> Self {
        Self(DynValue::Null)
    }
}

impl JsonTree {
    /// Returns the string that this is, or the kind of value that it is instead.
    pub fn into_text(self) -> Result<String, &'static str> {
        match self.0 {
            DynValue::Text(text) => Ok(text),
            other => Err(kind_of(&other)),
        }
    }

    /// Returns the kind of value, for people.
    pub fn kind(&self) -> &'static str {
        kind_of(&self.0)
    }

    /// Returns the whole number that this is, if it is one from 0 up.
    pub fn integer(&self) -> Option<u64> {
        let DynValue::Number(text) = &self.0 else { return None };
        text.parse().ok()
    }
}

/// Returns the kind of a value, for people: `a string`, `an object` and so on.
pub fn kind_of(value: &DynValue) -> &'static str {
    match value {
        DynValue::Null => "nothing",
        DynValue::Bool(_) => "a boolean",
        DynValue::Number(_) => "a number",
        DynValue::Text(_) => "a string",
        DynValue::List(_) => "a list",
        DynValue::Object(_) => "an object",
    }
}

/// What the limits say about a value.
#[derive(Debug, PartialEq)]
pub(super) enum LimitViolation {
    /// The string, or the name of the member, at this path is this many bytes long.
    Long(String, usize),
    /// The value at this path nests too deep.
    Deep(String),
}

/// How deep the value of a field may nest. The page counts its depth from an argument and the collector from the event, so the collector
/// allows twice as much.
pub(super) const DEPTH: usize = 2 * limits::MAX_DEPTH;

/// Returns the first place under `name` where a value passes the limits of the protocol.
pub(super) fn excess(name: &str, value: &DynValue) -> Option<LimitViolation> {
    search(value, DEPTH).map(|found| match found {
        LimitViolation::Long(path, bytes) => LimitViolation::Long(format!("{name}{path}"), bytes),
        LimitViolation::Deep(path) => LimitViolation::Deep(format!("{name}{path}")),
    })
}

fn search(value: &DynValue, depth: usize) -> Option<LimitViolation> {
    if depth == 0 {
        return Some(LimitViolation::Deep(String::new()));
    }
    match value {
        DynValue::Text(text) if text.len() > limits::MAX_STRING_BYTES => Some(LimitViolation::Long(String::new(), text.len())),
        DynValue::List(elements) => {
            elements.iter().enumerate().find_map(|(at, element)| search(element, depth - 1).map(|found| found.below(&format!("[{at}]"))))
        }
        DynValue::Object(members) => members.iter().find_map(|(name, value)| {
            if name.len() > limits::MAX_STRING_BYTES {
                return Some(LimitViolation::Long(".(a name)".into(), name.len()));
            }
            search(value, depth - 1).map(|found| found.below(&format!(".{}", short(name))))
        }),
        _ => None,
    }
}

impl LimitViolation {
    /// Put before the path of what was found. A path is for people: one that goes deep is cut to its beginning.
    fn below(self, step: &str) -> Self {
        let join = |path: String| if step.len() + path.len() > 200 { format!("{step}…") } else { format!("{step}{path}") };
        match self {
            Self::Long(path, bytes) => Self::Long(join(path), bytes),
            Self::Deep(path) => Self::Deep(join(path)),
        }
    }
}

/// Returns the beginning of a text that a caller wrote, for use in a message.
pub(super) fn short(text: &str) -> &str {
    text.char_indices().nth(64).map_or(text, |(end, _)| text.get(..end).unwrap_or_default())
}

impl<'de> Deserialize<'de> for JsonTree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor).map(Self)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = DynValue;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<DynValue, E> {
        Ok(DynValue::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<DynValue, E> {
        Ok(DynValue::Bool(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<DynValue, E> {
        Ok(DynValue::Number(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<DynValue, E> {
        Ok(DynValue::Number(number.to_string()))
    }

    /// As JavaScript prints it: a product that PHP called `2.0` is product 2.
    fn visit_f64<E>(self, number: f64) -> Result<DynValue, E> {
        let plain = number.abs() < 1e15 && number.abs() >= 1e-6 || number == 0.0;
        Ok(DynValue::Number(if plain { number.to_string() } else { format!("{number:e}") }))
    }

    fn visit_str<E>(self, text: &str) -> Result<DynValue, E> {
        Ok(DynValue::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<DynValue, A::Error> {
        let mut elements = Vec::new();
        while let Some(JsonTree(element)) = list.next_element()? {
            elements.push(element);
        }
        Ok(DynValue::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<DynValue, A::Error> {
        let mut members = Vec::new();
        while let Some((name, JsonTree(value))) = map.next_entry()? {
            members.push((name, value));
        }
        Ok(DynValue::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> DynValue {
        serde_json::from_str::<JsonTree>(text).unwrap().0
    }

    #[test]
    fn numbers_are_printed_as_javascript_prints_them() {
        for (text, printed) in [("2", "2"), ("2.0", "2"), ("-0.5", "-0.5"), ("12.50", "12.5"), ("1e21", "1e21"), ("0.0", "0")] {
            assert_eq!(read(text), DynValue::Number(printed.into()));
        }
    }

    #[test]
    fn what_passes_a_limit_is_found_by_its_path() {
        let long = "x".repeat(limits::MAX_STRING_BYTES + 1);
        assert_eq!(
            excess("params", &read(&format!(r#"{{"a":[1,{{"b":"{long}"}}]}}"#))),
            Some(LimitViolation::Long("params.a[1].b".into(), limits::MAX_STRING_BYTES + 1))
        );
        let deep = format!("{}1{}", "[".repeat(30), "]".repeat(30));
        assert!(matches!(excess("params", &read(&deep)), Some(LimitViolation::Deep(path)) if path.starts_with("params[0][0]")));
        let allowed = format!("{}1{}", "[".repeat(23), "]".repeat(23));
        assert_eq!(excess("params", &read(&allowed)), None);
    }

    proptest! {
        #[test]
        fn a_float_keeps_its_value(number: f64) {
            prop_assume!(number.is_finite());
            let DynValue::Number(text) = read(&serde_json::to_string(&number).unwrap()) else { panic!() };
            prop_assert_eq!(text.parse::<f64>().unwrap(), number);
        }
    }
}
