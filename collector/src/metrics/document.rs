//! A record as it is imported and kept: its own attributes at the top, its relations nested, just as a search shows it.
//!
//! Checking makes a record canonical: known attributes only, every value of its catalogue type, times to the millisecond, money to the
//! sixth decimal, nothing empty. What is shown is therefore exactly what is computed with.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use serde_json::{Map, Number, Value};

use crate::metrics::catalog::{ARRAYS, Field, FieldType, RecordKind};
use crate::time;

/// How many of the smallest unit make one of money, goods or rates.
pub const MILLION: f64 = 1_000_000.0;
/// The greatest value whose millionths can be kept.
const GREATEST: f64 = 9.2e12;

/// A checked record.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidRecord {
    /// Its id.
    pub id: String,
    /// Its attributes and relations.
    pub json: Map<String, Value>,
    /// How many attributes were left out because no field has their name.
    pub ignored: usize,
}

/// What is wrong with a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` must be {wanted}")]
pub struct InvalidRecord {
    /// The attribute, with dots.
    pub path: String,
    /// What would have been right.
    pub wanted: &'static str,
}

/// Checks a record.
pub fn check(family: RecordKind, value: &Value) -> Result<ValidRecord, InvalidRecord> {
    check_with(Checker { shape: Shape::of(family), strict: true, ignored: 0 }, family, value)
}

/// Takes of a record what fits, as long as it has an id. What the shop itself told is not refused for one bad attribute.
pub fn validate_lenient(family: RecordKind, value: &Value) -> Option<ValidRecord> {
    check_with(Checker { shape: Shape::of(family), strict: false, ignored: 0 }, family, value).ok()
}

fn check_with(mut checker: Checker, family: RecordKind, value: &Value) -> Result<ValidRecord, InvalidRecord> {
    let Value::Object(object) = value else { return Err(unfit("", "an object")) };
    let mut json = checker.object("", object)?;
    let Some(Value::String(id)) = json.get("id").cloned() else { return Err(unfit("id", "a string")) };
    if id.is_empty() {
        return Err(unfit("id", "a string that is not empty"));
    }
    if family == RecordKind::Returns {
        put_restocked(&mut json);
    }
    Ok(ValidRecord { id, json, ignored: checker.ignored })
}

pub use crate::resource::is_cart;

/// Returns all texts of a record in lower case, each without line breaks.
pub fn lines(json: &Map<String, Value>) -> Vec<String> {
    let mut lines = Vec::new();
    json.values().for_each(|value| collect_lines(value, &mut lines));
    lines
}

fn collect_lines(value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::String(text) if time::parse_rfc3339(text).is_none() => lines.push(text.to_lowercase().replace(['\n', '\r'], " ")),
        Value::Array(values) => values.iter().for_each(|value| collect_lines(value, lines)),
        Value::Object(object) => object.values().for_each(|value| collect_lines(value, lines)),
        _ => {}
    }
}

/// A return counts as restocked when its last line was.
fn put_restocked(json: &mut Map<String, Value>) {
    let lines = json.get("return_line_items").and_then(Value::as_array);
    // Canonical times sort as texts.
    let latest = lines.and_then(|lines| lines.iter().filter_map(|line| line.get("restocked_at")?.as_str()).max());
    if let Some(latest) = latest.map(str::to_owned) {
        json.insert("restocked_at".into(), Value::String(latest));
    }
}

/// What a record of a family may hold, by the way from the record.
struct Shape {
    attributes: HashMap<&'static str, &'static Field>,
    relations: HashSet<&'static str>,
}

impl Shape {
    fn of(family: RecordKind) -> &'static Self {
        static ORDERS: LazyLock<Shape> = LazyLock::new(|| Shape::new(RecordKind::Orders));
        static RETURNS: LazyLock<Shape> = LazyLock::new(|| Shape::new(RecordKind::Returns));
        match family {
            RecordKind::Orders => &ORDERS,
            RecordKind::Returns => &RETURNS,
        }
    }

    fn new(family: RecordKind) -> Self {
        let (mut attributes, mut relations) = (HashMap::new(), HashSet::new());
        for field in family.fields().filter(|field| field.kind != FieldType::Organization) {
            let is_own = field.owner() == family.main();
            attributes.insert(if is_own { field.attribute() } else { field.name }, field);
            let mut owner = if is_own { "" } else { field.owner() };
            while !owner.is_empty() && relations.insert(owner) {
                owner = owner.rsplit_once('.').map_or("", |(outer, _)| outer);
            }
        }
        Self { attributes, relations }
    }
}

struct Checker {
    shape: &'static Shape,
    strict: bool,
    ignored: usize,
}

impl Checker {
    /// `path` is empty for the record itself.
    fn object(&mut self, path: &str, object: &Map<String, Value>) -> Result<Map<String, Value>, InvalidRecord> {
        let mut out = Map::new();
        for (name, value) in object {
            let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let checked = if let Some(field) = self.shape.attributes.get(inner.as_str()) {
                let checked = attribute(field, &inner, value);
                self.take(checked)?
            } else if self.shape.relations.contains(inner.as_str()) {
                let checked = self.relation(&inner, value);
                self.take(checked)?
            } else {
                self.ignored += 1;
                None
            };
            out.extend(checked.map(|value| (name.clone(), value)));
        }
        Ok(out)
    }

    fn take(&mut self, checked: Result<Option<Value>, InvalidRecord>) -> Result<Option<Value>, InvalidRecord> {
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
                    let Value::Object(object) = element else { return Err(unfit(path, "a list of objects")) };
                    out.push(Value::Object(self.object(path, object)?));
                }
                Ok((!out.is_empty()).then_some(Value::Array(out)))
            }
            (_, true) => Err(unfit(path, "a list of objects")),
            (_, false) => Err(unfit(path, "an object")),
        }
    }
}

/// Returns the value in its canonical form, `None` where there is none.
fn attribute(field: &Field, path: &str, value: &Value) -> Result<Option<Value>, InvalidRecord> {
    let (checked, wanted) = match (field.kind, value) {
        (_, Value::Null) => return Ok(None),
        (FieldType::Text, Value::String(_)) => return Ok(Some(value.clone())),
        (FieldType::Text, Value::Number(number)) => (Some(Value::String(number.to_string())), "a string"),
        (FieldType::Text, _) => (None, "a string"),
        (FieldType::Bool, Value::Bool(_)) => return Ok(Some(value.clone())),
        (FieldType::Bool, _) => (None, "true or false"),
        (FieldType::Integer, _) => (whole(value), "a whole number"),
        (FieldType::Number, _) => (millionths(value).map(|value| shown(FieldType::Number, value)), "a number"),
        (FieldType::Amount, _) => (millionths(value).map(|value| shown(FieldType::Amount, value)), "a number"),
        (FieldType::Timestamp, _) => {
            let read = value.as_str().and_then(time::parse_rfc3339);
            (read.map(|read| Value::String(time::format_rfc3339_millis(read.millis))), "a date and time in ISO 8601")
        }
        (FieldType::Organization, _) => (None, "left out"),
    };
    checked.map(Some).ok_or_else(|| unfit(path, wanted))
}

fn whole(value: &Value) -> Option<Value> {
    let number = value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= GREATEST)?;
    #[expect(clippy::cast_possible_truncation, reason = "whole and within bounds")]
    Some(Value::from(number as i64))
}

/// Returns a number in millionths, rounded.
pub fn millionths(value: &Value) -> Option<i64> {
    let number = value.as_f64().filter(|number| number.abs() <= GREATEST)?;
    #[expect(clippy::cast_possible_truncation, reason = "within bounds")]
    Some((number * MILLION).round() as i64)
}

/// Returns the number that so many millionths are, as it is shown.
fn shown(kind: FieldType, millionths: i64) -> Value {
    if kind == FieldType::Number && millionths % 1_000_000 == 0 {
        return Value::from(millionths / 1_000_000);
    }
    Number::from_f64(from_millionths(i128::from(millionths))).map_or(Value::Null, Value::Number)
}

/// Returns the number that is nearest to so many millionths.
pub fn from_millionths(millionths: i128) -> f64 {
    if millionths.unsigned_abs() < 1 << 53 {
        // Both are exact, so that their quotient is the nearest number.
        #[expect(clippy::cast_precision_loss, reason = "just compared")]
        return millionths as f64 / MILLION;
    }
    let sign = if millionths < 0 { "-" } else { "" };
    let (units, rest) = (millionths.unsigned_abs() / 1_000_000, millionths.unsigned_abs() % 1_000_000);
    format!("{sign}{units}.{rest:06}").parse().unwrap_or(f64::NAN)
}

fn unfit(path: &str, wanted: &'static str) -> InvalidRecord {
    InvalidRecord { path: path.into(), wanted }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_record_becomes_canonical() {
        let record = json!({
            "id": 7, "number": 12, "total_amount": 5, "shipping_amount": 0.1, "skus_count": 3.0, "guest": null, "hat": 1,
            "placed_at": "2022-06-27T06:01:32Z", "customer": {"email": "a@b.c", "shoe": 43}, "market": {},
            "line_items": [{"quantity": 1.5, "options": [{"id": "o"}]}, {}], "tags": [],
        });
        let checked = check(RecordKind::Orders, &record).unwrap();
        assert_eq!(checked.ignored, 2);
        let expected = json!({
            "id": "7", "number": "12", "total_amount": 5.0, "shipping_amount": 0.1, "skus_count": 3,
            "placed_at": "2022-06-27T06:01:32.000Z", "customer": {"email": "a@b.c"},
            "line_items": [{"quantity": 1.5, "options": [{"id": "o"}]}, {}],
        });
        assert_eq!(Value::Object(checked.json), expected);
    }

    #[test]
    fn what_does_not_fit_is_named() {
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
            assert_eq!(check(RecordKind::Orders, &record).map_err(|unfit| unfit.to_string()), Err(message.into()), "{record}");
        }
    }

    #[test]
    fn what_fits_is_salvaged() {
        let record = json!({"id": "1", "guest": "yes", "number": "5", "customer": [], "line_items": [{"code": [], "name": "n"}]});
        let checked = validate_lenient(RecordKind::Orders, &record).unwrap();
        assert_eq!(Value::Object(checked.json), json!({"id": "1", "number": "5", "line_items": [{"name": "n"}]}));
        assert_eq!(validate_lenient(RecordKind::Orders, &json!({"number": "5"})), None);
    }

    #[test]
    fn a_return_is_restocked_with_its_last_line() {
        let lines = json!([{"restocked_at": "2022-01-02T00:00:00Z"}, {"restocked_at": "2022-01-03T00:00:00Z"}, {}]);
        let checked = check(RecordKind::Returns, &json!({"id": "r", "return_line_items": lines})).unwrap();
        assert_eq!(checked.json["restocked_at"], "2022-01-03T00:00:00.000Z");
    }

    #[test]
    fn great_sums_keep_their_cents() {
        assert_eq!(from_millionths(13_701_132_000_100_000), 13_701_132_000.1);
        assert_eq!(from_millionths(-773_200_000), -773.2);
    }
}
