//! Records as JSON documents: the attributes at the top level, the relations nested, as a search returns them.
//!
//! Validation makes a record canonical: only attributes of the catalog, every value with its catalog type, times in milliseconds, money with
//! six decimals, nothing empty. So searches return exactly the values that aggregates use.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use serde_json::{Map, Number, Value};

use crate::metrics::catalog::{ARRAYS, Field, FieldType, RecordKind};
use crate::time;

/// The scale of money, quantities and rates, which are stored in millionths.
pub const MILLION: f64 = 1_000_000.0;
/// The largest absolute value whose millionths fit into an `i64`.
const MAX_ABS_VALUE: f64 = 9.2e12;

/// A validated record.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidRecord {
    /// The id.
    pub id: String,
    /// The attributes and relations.
    pub json: Map<String, Value>,
    /// The number of attributes that were ignored: without a field in the catalog or, in lenient validation, not valid.
    pub ignored: usize,
}

/// Why a record is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` must be {expected}")]
pub struct InvalidRecord {
    /// The path of the attribute, with dots.
    pub path: String,
    /// The expected value.
    pub expected: &'static str,
}

/// Validates a record. Every attribute of the catalog must be valid; others are ignored. A time after `now` (in milliseconds since 1970) counts
/// as `now`: each is that of something that has happened.
pub fn validate(kind: RecordKind, value: &Value, now: u64) -> Result<ValidRecord, InvalidRecord> {
    let latest = i64::try_from(now).unwrap_or(i64::MAX);
    run_validator(Validator { schema: RecordSchema::get(kind), strict: true, latest, ignored: 0 }, kind, value)
}

/// Validates a record and ignores attributes that are not valid. Returns `None` without an id. Records from tracked events use this: one bad
/// attribute must not lose the record.
pub fn validate_lenient(kind: RecordKind, value: &Value) -> Option<ValidRecord> {
    run_validator(Validator { schema: RecordSchema::get(kind), strict: false, latest: i64::MAX, ignored: 0 }, kind, value).ok()
}

fn run_validator(mut validator: Validator, kind: RecordKind, value: &Value) -> Result<ValidRecord, InvalidRecord> {
    let Value::Object(object) = value else { return Err(invalid("", "an object")) };
    let mut json = validator.object("", object)?;
    let Some(Value::String(id)) = json.get("id").cloned() else { return Err(invalid("id", "a string")) };
    if id.is_empty() {
        return Err(invalid("id", "a string that is not empty"));
    }
    if kind == RecordKind::Returns {
        set_restocked_at(&mut json);
    }
    Ok(ValidRecord { id, json, ignored: validator.ignored })
}

pub use crate::resource::is_cart;

/// Returns all texts of a record in lower case, each with spaces in place of its blanks.
pub fn lines(json: &Map<String, Value>) -> Vec<String> {
    let mut lines = Vec::new();
    json.values().for_each(|value| collect_lines(value, &mut lines));
    lines
}

fn collect_lines(value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::String(text) if time::parse_rfc3339(text).is_none() => lines.push(text.to_lowercase().replace(char::is_whitespace, " ")),
        Value::Array(values) => values.iter().for_each(|value| collect_lines(value, lines)),
        Value::Object(object) => object.values().for_each(|value| collect_lines(value, lines)),
        _ => {}
    }
}

/// Sets the restocking date of a return: the latest date of its lines.
fn set_restocked_at(json: &mut Map<String, Value>) {
    let lines = json.get("return_line_items").and_then(Value::as_array);
    // Canonical times sort as strings.
    let latest = lines.and_then(|lines| lines.iter().filter_map(|line| line.get("restocked_at")?.as_str()).max());
    if let Some(latest) = latest.map(str::to_owned) {
        json.insert("restocked_at".into(), Value::String(latest));
    }
}

/// The attributes and relations of a kind of record, by their path.
struct RecordSchema {
    attributes: HashMap<&'static str, &'static Field>,
    relations: HashSet<&'static str>,
}

impl RecordSchema {
    fn get(kind: RecordKind) -> &'static Self {
        static ORDERS: LazyLock<RecordSchema> = LazyLock::new(|| RecordSchema::new(RecordKind::Orders));
        static RETURNS: LazyLock<RecordSchema> = LazyLock::new(|| RecordSchema::new(RecordKind::Returns));
        static NONE: LazyLock<RecordSchema> = LazyLock::new(|| RecordSchema { attributes: HashMap::new(), relations: HashSet::new() });
        match kind {
            RecordKind::Orders => &ORDERS,
            RecordKind::Returns => &RETURNS,
            RecordKind::Events | RecordKind::Visits | RecordKind::Customers => &NONE,
        }
    }

    fn new(kind: RecordKind) -> Self {
        let (mut attributes, mut relations) = (HashMap::new(), HashSet::new());
        for field in kind.fields().filter(|field| field.kind != FieldType::Organization && !field.is_derived) {
            let is_own = field.owner() == kind.main();
            attributes.insert(if is_own { field.attribute() } else { field.name }, field);
            let mut owner = if is_own { "" } else { field.owner() };
            while !owner.is_empty() && relations.insert(owner) {
                owner = owner.rsplit_once('.').map_or("", |(outer, _)| outer);
            }
        }
        Self { attributes, relations }
    }
}

struct Validator {
    schema: &'static RecordSchema,
    strict: bool,
    /// The latest time, in milliseconds since 1970.
    latest: i64,
    ignored: usize,
}

impl Validator {
    /// `path` is empty for the record itself.
    fn object(&mut self, path: &str, object: &Map<String, Value>) -> Result<Map<String, Value>, InvalidRecord> {
        let mut out = Map::new();
        for (name, value) in object {
            let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let checked = if let Some(field) = self.schema.attributes.get(inner.as_str()) {
                let checked = attribute(field, &inner, value, self.latest);
                self.drop_invalid(checked)?
            } else if self.schema.relations.contains(inner.as_str()) {
                let checked = self.relation(&inner, value);
                self.drop_invalid(checked)?
            } else {
                self.ignored += 1;
                None
            };
            out.extend(checked.map(|value| (name.clone(), value)));
        }
        Ok(out)
    }

    fn drop_invalid(&mut self, checked: Result<Option<Value>, InvalidRecord>) -> Result<Option<Value>, InvalidRecord> {
        match checked {
            Err(_) if !self.strict => {
                self.ignored += 1;
                Ok(None)
            }
            checked => checked,
        }
    }

    fn relation(&mut self, path: &str, value: &Value) -> Result<Option<Value>, InvalidRecord> {
        match (value, ARRAYS.contains(&path)) {
            (Value::Null, _) => Ok(None),
            (Value::Object(object), false) => {
                let object = self.object(path, object)?;
                Ok((!object.is_empty()).then_some(Value::Object(object)))
            }
            (Value::Array(elements), true) => {
                let mut out = Vec::with_capacity(elements.len());
                for element in elements {
                    let Value::Object(object) = element else { return Err(invalid(path, "a list of objects")) };
                    out.push(Value::Object(self.object(path, object)?));
                }
                Ok((!out.is_empty()).then_some(Value::Array(out)))
            }
            (_, true) => Err(invalid(path, "a list of objects")),
            (_, false) => Err(invalid(path, "an object")),
        }
    }
}

/// Returns the value in its canonical form; `None` for null.
fn attribute(field: &Field, path: &str, value: &Value, latest: i64) -> Result<Option<Value>, InvalidRecord> {
    let (checked, expected) = match (field.kind, value) {
        (_, Value::Null) => return Ok(None),
        (FieldType::Text, Value::String(_)) => return Ok(Some(value.clone())),
        (FieldType::Text, Value::Number(number)) => (Some(Value::String(number.to_string())), "a string"),
        (FieldType::Text, _) => (None, "a string"),
        (FieldType::Bool, Value::Bool(_)) => return Ok(Some(value.clone())),
        (FieldType::Bool, _) => (None, "true or false"),
        (FieldType::Integer, _) => (whole(value), "a whole number"),
        (FieldType::Number, _) => (millionths(value).map(|value| to_json_number(FieldType::Number, value)), "a number"),
        (FieldType::Amount, _) => (millionths(value).map(|value| to_json_number(FieldType::Amount, value)), "a number"),
        (FieldType::Timestamp, _) => {
            let read = value.as_str().and_then(time::parse_rfc3339);
            (read.map(|read| Value::String(time::format_rfc3339_millis(read.millis.min(latest)))), "a date and time in ISO 8601")
        }
        (FieldType::Organization | FieldType::Texts, _) => (None, "left out"),
    };
    checked.map(Some).ok_or_else(|| invalid(path, expected))
}

fn whole(value: &Value) -> Option<Value> {
    let number = value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= MAX_ABS_VALUE)?;
    #[expect(clippy::cast_possible_truncation, reason = "whole and within bounds")]
    Some(Value::from(number as i64))
}

/// Returns a number in millionths, rounded.
pub fn millionths(value: &Value) -> Option<i64> {
    let number = value.as_f64().filter(|number| number.abs() <= MAX_ABS_VALUE)?;
    #[expect(clippy::cast_possible_truncation, reason = "within bounds")]
    Some((number * MILLION).round() as i64)
}

/// Converts millionths to the JSON number of this type.
pub(super) fn to_json_number(kind: FieldType, millionths: i64) -> Value {
    if kind == FieldType::Number && millionths % 1_000_000 == 0 {
        return Value::from(millionths / 1_000_000);
    }
    Number::from_f64(from_millionths(i128::from(millionths))).map_or(Value::Null, Value::Number)
}

/// Converts millionths to the nearest `f64`.
pub fn from_millionths(millionths: i128) -> f64 {
    if millionths.unsigned_abs() < 1 << 53 {
        // Both operands are exact, so their quotient is the nearest number.
        #[expect(clippy::cast_precision_loss, reason = "just compared")]
        return millionths as f64 / MILLION;
    }
    let sign = if millionths < 0 { "-" } else { "" };
    let (units, rest) = (millionths.unsigned_abs() / 1_000_000, millionths.unsigned_abs() % 1_000_000);
    format!("{sign}{units}.{rest:06}").parse().unwrap_or(f64::NAN)
}

fn invalid(path: &str, expected: &'static str) -> InvalidRecord {
    InvalidRecord { path: path.into(), expected }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn validation_makes_a_record_canonical() {
        let record = json!({
            "id": 7, "number": 12, "total_amount": 5, "shipping_amount": 0.1, "skus_count": 3.0, "guest": null, "hat": 1,
            "placed_at": "2022-06-27T06:01:32Z", "customer": {"email": "a@b.c", "shoe": 43}, "market": {},
            "line_items": [{"quantity": 1.5, "options": [{"id": "o"}]}, {}], "tags": [],
        });
        let checked = validate(RecordKind::Orders, &record, u64::MAX).unwrap();
        assert_eq!(checked.ignored, 2);
        let expected = json!({
            "id": "7", "number": "12", "total_amount": 5.0, "shipping_amount": 0.1, "skus_count": 3,
            "placed_at": "2022-06-27T06:01:32.000Z", "customer": {"email": "a@b.c"},
            "line_items": [{"quantity": 1.5, "options": [{"id": "o"}]}, {}],
        });
        assert_eq!(Value::Object(checked.json), expected);
    }

    #[test]
    fn errors_name_the_attribute_and_the_expected_value() {
        for (record, message) in [
            (json!([]), "`` must be an object"),
            (json!({}), "`id` must be a string"),
            (json!({"id": ""}), "`id` must be a string that is not empty"),
            (json!({"id": "1", "guest": "yes"}), "`guest` must be true or false"),
            (json!({"id": "1", "total_amount": "5"}), "`total_amount` must be a number"),
            (json!({"id": "1", "total_amount": 1e13}), "`total_amount` must be a number"),
            (json!({"id": "1", "shipments_count": 1.5}), "`shipments_count` must be a whole number"),
            (json!({"id": "1", "placed_at": "yesterday"}), "`placed_at` must be a date and time in ISO 8601"),
            (json!({"id": "1", "customer": []}), "`customer` must be an object"),
            (json!({"id": "1", "line_items": {}}), "`line_items` must be a list of objects"),
            (json!({"id": "1", "line_items": [{"code": []}]}), "`line_items.code` must be a string"),
        ] {
            assert_eq!(
                validate(RecordKind::Orders, &record, u64::MAX).map_err(|invalid| invalid.to_string()),
                Err(message.into()),
                "{record}"
            );
        }
    }

    #[test]
    fn lenient_validation_ignores_invalid_attributes() {
        let record = json!({"id": "1", "guest": "yes", "number": "5", "customer": [], "line_items": [{"code": [], "name": "n"}]});
        let checked = validate_lenient(RecordKind::Orders, &record).unwrap();
        assert_eq!(Value::Object(checked.json), json!({"id": "1", "number": "5", "line_items": [{"name": "n"}]}));
        assert_eq!(validate_lenient(RecordKind::Orders, &json!({"number": "5"})), None);
    }

    #[test]
    fn return_has_the_latest_restocking_date_of_its_lines() {
        let lines = json!([{"restocked_at": "2022-01-02T00:00:00Z"}, {"restocked_at": "2022-01-03T00:00:00Z"}, {}]);
        let checked = validate(RecordKind::Returns, &json!({"id": "r", "return_line_items": lines}), u64::MAX).unwrap();
        assert_eq!(checked.json["restocked_at"], "2022-01-03T00:00:00.000Z");
    }

    #[test]
    fn large_sums_keep_their_cents() {
        assert_eq!(from_millionths(13_701_132_000_100_000), 13_701_132_000.1);
        assert_eq!(from_millionths(-773_200_000), -773.2);
    }
}
