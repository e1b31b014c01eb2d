//! Single values of a request, and what they must be.

use serde_json::{Map, Value};

use crate::metrics::parse::ValidationErrors;
use crate::metrics::query::{Bound, Comparison};
use crate::time;

/// One object of a request while it is read; `path` leads to it inside of `field`.
pub(super) struct Part<'a> {
    pub(super) field: &'a str,
    pub(super) path: &'a str,
    pub(super) object: &'a Map<String, Value>,
}

impl Part<'_> {
    /// Notes that something of this object is wrong.
    pub(super) fn fault(&self, faults: &mut ValidationErrors, name: &str, message: impl Into<String>) {
        faults.add(self.field, &format!("{}{name}", self.path), message);
    }

    /// Notes every name that is not among these.
    pub(super) fn only(&self, names: &[&str], faults: &mut ValidationErrors) {
        for name in self.object.keys().filter(|name| !names.contains(&name.as_str())) {
            self.fault(faults, name, "is not supported");
        }
    }

    /// Returns a text that must be there.
    pub(super) fn text(&self, name: &str, faults: &mut ValidationErrors) -> Option<&str> {
        match self.object.get(name) {
            Some(Value::String(text)) => return Some(text),
            Some(_) => self.fault(faults, name, "must be a string"),
            None => self.fault(faults, name, "is missing"),
        }
        None
    }

    /// Returns what the text at `name` stands for, or `default` where there is none.
    pub(super) fn choice<T: Copy>(
        &self,
        name: &str,
        choices: &[(&str, T)],
        default: Option<T>,
        faults: &mut ValidationErrors,
    ) -> Option<T> {
        if let (None, Some(default)) = (self.object.get(name), default) {
            return Some(default);
        }
        let text = self.text(name, faults)?;
        let found = choices.iter().find(|(choice, _)| *choice == text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<_> = choices.iter().map(|(choice, _)| *choice).collect();
            self.fault(faults, name, format!("must be one of {}", names.join(", ")));
        }
        found
    }

    /// Returns the most of something to answer with, from 1 to 100.
    pub(super) fn limit(&self, default: u32, faults: &mut ValidationErrors) -> u32 {
        let Some(value) = self.object.get("limit") else { return default };
        match value.as_u64().and_then(|limit| u32::try_from(limit).ok()).filter(|limit| (1..=100).contains(limit)) {
            Some(limit) => limit,
            None => {
                self.fault(faults, "limit", "must be a whole number from 1 to 100");
                default
            }
        }
    }
}

/// Reads `{"gte": 5}` or `{"gt_lte": [1, 5]}`.
pub(super) fn comparison<T>(value: &Value, read: fn(&Value) -> Result<T, &'static str>) -> Result<Comparison<T>, String> {
    let (name, value) = single(value)?;
    let one = || read(value).map_err(|wanted| format!("{name} {wanted}"));
    let low = |inclusive| one().map(|at| Comparison::Between(Some(Bound { at, inclusive }), None));
    let high = |inclusive| one().map(|at| Comparison::Between(None, Some(Bound { at, inclusive })));
    let range = |from, to| match value.as_array().map(Vec::as_slice) {
        Some([first, second]) => {
            let at = |value| read(value).map_err(|wanted| format!("each value of {name} {wanted}"));
            let bound = |at, inclusive| Some(Bound { at, inclusive });
            Ok(Comparison::Between(bound(at(first)?, from), bound(at(second)?, to)))
        }
        _ => Err(format!("{name} must be a list of two values")),
    };
    match name {
        "eq" => one().map(Comparison::Eq),
        "ne" => one().map(Comparison::Ne),
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

/// Reads `{"in": ["a", "b"]}` or `{"not_in": ["a"]}`; the answer tells whether it is the first.
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
            texts.map(|texts| (is_in, texts)).map_err(|wanted| format!("each value of {name} {wanted}"))
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

pub(super) fn string(value: &Value) -> Result<String, &'static str> {
    value.as_str().map(Into::into).ok_or("must be a string")
}

/// Numbers of records are texts that mostly look like whole numbers, so both are taken.
pub(super) fn whole_or_string(value: &Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Ok(number.to_string()),
        _ => Err("must be a whole number"),
    }
}
