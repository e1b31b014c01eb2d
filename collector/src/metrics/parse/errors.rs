//! The validation errors of a request.

use serde_json::{Map, Value, json};

/// Why a request is not valid; it decides the HTTP status.
#[derive(Debug, PartialEq)]
pub enum QueryError {
    /// The first level of the body is not valid.
    BadRequest(ValidationErrors),
    /// A deeper level of the body is not valid.
    Unprocessable(ValidationErrors),
}

/// One error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationError {
    /// The part of the request: the name of the query, of a field of the filter, `meta` or `body`.
    pub field: String,
    /// The attribute in it.
    pub attribute: String,
    /// The message.
    pub message: String,
}

/// All errors of a request.
#[derive(Debug, Default, PartialEq)]
pub struct ValidationErrors(Vec<ValidationError>);

impl ValidationErrors {
    pub(super) fn add(&mut self, field: &str, attribute: &str, message: impl Into<String>) {
        self.0.push(ValidationError { field: field.into(), attribute: attribute.into(), message: message.into() });
    }

    /// Whether there is no error.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the errors in the order of the request.
    pub fn all(&self) -> &[ValidationError] {
        &self.0
    }

    /// Returns `[{"field": [{"attribute": ["message"]}]}]`.
    pub fn to_json(&self) -> Value {
        let mut fields: Named<'_, Named<'_, Vec<&str>>> = Vec::new();
        for error in &self.0 {
            let attributes = entry(&mut fields, &error.field);
            entry(attributes, &error.attribute).push(&error.message);
        }
        let object = |name: &str, value: Value| Value::Object(Map::from_iter([(name.to_owned(), value)]));
        let attributes = |list: Named<'_, Vec<&str>>| list.into_iter().map(|(name, messages)| object(name, json!(messages))).collect();
        fields.into_iter().map(|(name, list)| object(name, Value::Array(attributes(list)))).collect()
    }
}

/// A short list of names with a value for each, in insertion order.
type Named<'a, T> = Vec<(&'a str, T)>;

fn entry<'l, 'a, T: Default>(list: &'l mut Named<'a, T>, name: &'a str) -> &'l mut T {
    let at = list.iter().position(|(other, _)| *other == name).unwrap_or_else(|| {
        list.push((name, T::default()));
        list.len() - 1
    });
    &mut list[at].1
}
