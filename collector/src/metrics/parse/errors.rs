//! What is wrong with a request, and where.

use serde_json::{Map, Value, json};

/// Why a request is not answered.
#[derive(Debug, PartialEq)]
pub enum QueryError {
    /// Its first level is wrong.
    BadRequest(ValidationErrors),
    /// Something deeper down is wrong.
    Unprocessable(ValidationErrors),
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationError {
    /// The part of the request: the name of the query, of a field of the filter, `meta` or `body`.
    pub field: String,
    /// What in it is wrong.
    pub attribute: String,
    /// How it is wrong.
    pub message: String,
}

/// All that is wrong.
#[derive(Debug, Default, PartialEq)]
pub struct ValidationErrors(Vec<ValidationError>);

impl ValidationErrors {
    pub(super) fn add(&mut self, field: &str, attribute: &str, message: impl Into<String>) {
        self.0.push(ValidationError { field: field.into(), attribute: attribute.into(), message: message.into() });
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns what is wrong, in the order of the request.
    pub fn all(&self) -> &[ValidationError] {
        &self.0
    }

    /// Writes `[{"field": [{"attribute": ["message"]}]}]`.
    pub fn to_json(&self) -> Value {
        let mut fields: Named<'_, Named<'_, Vec<&str>>> = Vec::new();
        for fault in &self.0 {
            let attributes = entry(&mut fields, &fault.field);
            entry(attributes, &fault.attribute).push(&fault.message);
        }
        let one = |name: &str, value: Value| Value::Object(Map::from_iter([(name.to_owned(), value)]));
        let attributes = |list: Named<'_, Vec<&str>>| list.into_iter().map(|(name, messages)| one(name, json!(messages))).collect();
        fields.into_iter().map(|(name, list)| one(name, Value::Array(attributes(list)))).collect()
    }
}

/// A short list of names with something for each, in the order in which they came.
type Named<'a, T> = Vec<(&'a str, T)>;

fn entry<'l, 'a, T: Default>(list: &'l mut Named<'a, T>, name: &'a str) -> &'l mut T {
    let at = list.iter().position(|(other, _)| *other == name).unwrap_or_else(|| {
        list.push((name, T::default()));
        list.len() - 1
    });
    &mut list[at].1
}
