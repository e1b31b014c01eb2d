//! Parses single values of a request.

use serde_json::{Map, Value};

use crate::metrics::parse::errors::ValidationErrors;
use crate::metrics::query::{Bound, Comparison};
use crate::metrics::time_zone::Zone;
use crate::time;

/// One object of a request; `path` is its path inside `field`.
pub(super) struct RequestObject<'a> {
    pub(super) field: &'a str,
    pub(super) path: &'a str,
    pub(super) object: &'a Map<String, Value>,
}

impl RequestObject<'_> {
    /// Adds an error about an attribute of this object.
    pub(super) fn add_error(&self, errors: &mut ValidationErrors, name: &str, message: impl Into<String>) {
        errors.add(self.field, &format!("{}{name}", self.path), message);
    }

    /// Adds an error for every attribute that is not one of these.
    pub(super) fn allow_only(&self, names: &[&str], errors: &mut ValidationErrors) {
        for name in self.object.keys().filter(|name| !names.contains(&name.as_str())) {
            self.add_error(errors, name, "is not supported");
        }
    }

    /// Returns a required string.
    pub(super) fn text(&self, name: &str, errors: &mut ValidationErrors) -> Option<&str> {
        match self.object.get(name) {
            Some(Value::String(text)) => return Some(text),
            Some(_) => self.add_error(errors, name, "must be a string"),
            None => self.add_error(errors, name, "is missing"),
        }
        None
    }

    /// Returns the value for the string at `name`, or `default` if it is missing.
    pub(super) fn choice<T: Copy>(
        &self,
        name: &str,
        choices: &[(&str, T)],
        default: Option<T>,
        errors: &mut ValidationErrors,
    ) -> Option<T> {
        if let (None, Some(default)) = (self.object.get(name), default) {
            return Some(default);
        }
        let text = self.text(name, errors)?;
        let found = choices.iter().find(|(choice, _)| *choice == text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<_> = choices.iter().map(|(choice, _)| *choice).collect();
            self.add_error(errors, name, format!("must be one of {}", names.join(", ")));
        }
        found
    }

    /// Returns the maximum number of results, from 1 to 100.
    pub(super) fn limit(&self, default: u32, errors: &mut ValidationErrors) -> u32 {
        let Some(value) = self.object.get("limit") else { return default };
        match value.as_u64().and_then(|limit| u32::try_from(limit).ok()).filter(|limit| (1..=100).contains(limit)) {
            Some(limit) => limit,
            None => {
                self.add_error(errors, "limit", "must be a whole number from 1 to 100");
                default
            }
        }
    }
}

/// Parses `{"gte": 5}` or `{"gt_lte": [1, 5]}`.
pub(super) fn comparison<T>(value: &Value, read: fn(&Value) -> Result<T, &'static str>) -> Result<Comparison<T>, String> {
    let (name, value) = single(value)?;
    let single_value = || read(value).map_err(|expected| format!("{name} {expected}"));
    let low = |inclusive| single_value().map(|at| Comparison::Between(Some(Bound { at, inclusive }), None));
    let high = |inclusive| single_value().map(|at| Comparison::Between(None, Some(Bound { at, inclusive })));
    let range = |from, to| match value.as_array().map(Vec::as_slice) {
        Some([first, second]) => {
            let at = |value| read(value).map_err(|expected| format!("each value of {name} {expected}"));
            let bound = |at, inclusive| Some(Bound { at, inclusive });
            Ok(Comparison::Between(bound(at(first)?, from), bound(at(second)?, to)))
        }
        _ => Err(format!("{name} must be a list of two values")),
    };
    match name {
        "eq" => single_value().map(Comparison::Eq),
        "ne" => single_value().map(Comparison::Ne),
        "gt" => low(false),
        "gte" => low(true),
        "lt" => high(false),
        "lte" => high(true),
        "gt_lt" => range(false, false),
        "gte_lt" => range(true, false),
        "gt_lte" => range(false, true),
        "gte_lte" => range(true, true),
        _ => Err(format!("{name} is not supported; use one of eq, ne, gt, gte, lt, lte, gt_lt, gte_lt, gt_lte, gte_lte")),
    }
}

/// Parses `{"in": ["a", "b"]}` or `{"not_in": ["a"]}`. Returns true with the values for `in`, false for `not_in`.
pub(super) fn list(value: &Value, read: fn(&Value) -> Result<String, &'static str>) -> Result<(bool, Vec<String>), String> {
    let (name, value) = single(value)?;
    let is_in = match name {
        "in" => true,
        "not_in" => false,
        _ => return Err(format!("{name} is not supported; use in or not_in")),
    };
    match value.as_array().map(Vec::as_slice) {
        None => Err(format!("{name} must be a list")),
        Some([]) => Err(format!("{name} must not be empty")),
        Some(values) => {
            let texts: Result<_, _> = values.iter().map(read).collect();
            texts.map(|texts| (is_in, texts)).map_err(|expected| format!("each value of {name} {expected}"))
        }
    }
}

/// Returns the only entry of an object.
pub(super) fn single(value: &Value) -> Result<(&str, &Value), String> {
    let Value::Object(object) = value else { return Err("must be an object with one operator".into()) };
    let mut entries = object.iter();
    match (entries.next(), entries.next()) {
        (Some((name, value)), None) => Ok((name, value)),
        (None, _) => Err("must not be empty".into()),
        _ => Err("must have exactly one operator".into()),
    }
}

pub(super) fn number(value: &Value) -> Result<f64, &'static str> {
    value.as_f64().ok_or("must be a number")
}

pub(super) fn instant(value: &Value) -> Result<i64, &'static str> {
    let written = value.as_str().and_then(time::parse_rfc3339);
    written.map(|written| written.millis).ok_or("must be a date and time in ISO 8601, like 2022-06-27T06:01:32Z")
}

pub(super) fn time_zone(value: &Value) -> Result<Zone, &'static str> {
    value.as_str().and_then(Zone::find).ok_or("must be the name of a time zone of the IANA database, like Europe/Berlin")
}

pub(super) fn string(value: &Value) -> Result<String, &'static str> {
    value.as_str().map(Into::into).ok_or("must be a string")
}

/// Accepts integers and strings: the numbers of records are strings that mostly look like integers.
pub(super) fn integer_or_string(value: &Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Ok(number.to_string()),
        _ => Err("must be a whole number"),
    }
}
