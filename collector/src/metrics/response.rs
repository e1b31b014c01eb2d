//! Builds the `data` of a response from an engine's rows.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::metrics::catalog::{Field, FieldType, Operator};
use crate::metrics::cursor;
use crate::metrics::document::{MILLION, from_millionths, to_json_number};
use crate::metrics::query::{Breakdown, DateBreakdown, Interval, Measure, Query, QueryKind, Search, SearchPosition};
use crate::metrics::rows::{Cell, PERCENTILES, Row, Rows, Scope};
use crate::time;

/// The result of a query.
#[derive(Debug, PartialEq)]
pub struct QueryResult {
    /// The `data` of the response.
    pub data: Value,
    /// The `pagination` of a search: the number of all records, and the cursor of the next page.
    pub pagination: Option<Value>,
}

/// Builds the result of a query from its result sets.
pub fn build(query: &Query, scope: &Scope, result_sets: &[Rows]) -> QueryResult {
    let rows = result_sets.first().map_or(&[][..], Vec::as_slice);
    let data = match &query.kind {
        QueryKind::Breakdown(breakdown) => json!({ breakdown.by.name: buckets(None, Some(breakdown), rows) }),
        QueryKind::DateBreakdown(dates) => Value::Array(buckets(Some(dates), dates.inner.as_deref(), rows)),
        QueryKind::Stats(measure) => json!({ "value": rows.first().map(|row| value(*measure, row)) }),
        QueryKind::BoughtTogether(_) => rows.iter().map(item).collect(),
        QueryKind::Search(search) => return page(query, scope, search, rows, result_sets.get(1).map_or(&[][..], Vec::as_slice)),
    };
    QueryResult { data, pagination: None }
}

/// Whether the last result set, the number of currencies, is above one.
pub fn has_several_currencies(result_sets: &[Rows]) -> bool {
    result_sets.last().and_then(|rows| integer(rows.first()?, 0)).is_some_and(|count| count > 1)
}

/// Nests the buckets of each level in those of the level before it. The level of dates, if any, is the first.
fn buckets(dates: Option<&DateBreakdown>, outer: Option<&Breakdown>, rows: &[Row]) -> Vec<Value> {
    let mut levels: Vec<(Option<&'static str>, Measure)> = dates.map(|dates| (None, dates.measure)).into_iter().collect();
    let mut next = outer;
    while let Some(breakdown) = next {
        levels.push((Some(breakdown.by.name), breakdown.measure));
        next = breakdown.inner.as_deref();
    }
    let mut nested: HashMap<i128, Vec<Value>> = HashMap::new();
    for depth in (0..levels.len()).rev() {
        let mut parents: HashMap<i128, Vec<Value>> = HashMap::new();
        let inner = levels.get(depth + 1).and_then(|(name, _)| *name);
        let level = i128::try_from(depth + 1).unwrap_or_default();
        for row in rows.iter().filter(|row| integer(row, 0) == Some(level)) {
            let mut bucket = bucket(levels[depth], dates, row);
            if let Some(inner) = inner {
                let children = integer(row, 1).and_then(|id| nested.remove(&id)).unwrap_or_default();
                bucket.insert(inner.into(), Value::Array(children));
            }
            parents.entry(integer(row, 2).unwrap_or_default()).or_default().push(Value::Object(bucket));
        }
        nested = parents;
    }
    nested.remove(&0).unwrap_or_default()
}

fn bucket((name, measure): (Option<&str>, Measure), dates: Option<&DateBreakdown>, row: &Row) -> Map<String, Value> {
    let label = text(row, 3).unwrap_or_default();
    let label = match name {
        Some(_) => ("label".to_owned(), json!(label)),
        None => ("date".to_owned(), json!(time::format_rfc3339_millis(begin(dates, label.parse().unwrap_or_default())))),
    };
    Map::from_iter([label, ("value".into(), value(measure, row))])
}

/// Returns the instant at which an interval begins. Those of a time zone are given by its clocks, except hours, because one can occur twice.
fn begin(dates: Option<&DateBreakdown>, label: i64) -> i64 {
    let zone = dates.filter(|dates| dates.interval != Interval::Hour).and_then(|dates| dates.zone.as_ref());
    zone.map_or(label, |zone| zone.instant(label))
}

fn value(Measure { field, operator }: Measure, row: &Row) -> Value {
    let [count, sum, min, max] = [4, 5, 6, 7].map(|at| integer(row, at));
    let count = count.unwrap_or_default();
    let sum = sum.unwrap_or_default();
    let number = |value: Option<i128>| value.map_or(Value::Null, |value| json!(unscaled(field, value)));
    let avg = if count == 0 { Value::Null } else { json!(mean(field, sum, count)) };
    match operator {
        Operator::ValueCount | Operator::Cardinality => json!(i64::try_from(count).unwrap_or(i64::MAX)),
        Operator::Sum => number(Some(sum)),
        Operator::Avg => avg,
        Operator::Min => number(min),
        Operator::Max => number(max),
        Operator::Stats => {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            json!({ "count": count, "min": number(min), "max": number(max), "avg": avg, "sum": number(Some(sum)) })
        }
        Operator::Percentiles => {
            let percentiles = match row.get(8) {
                Some(Cell::Numbers(numbers)) => numbers.as_slice(),
                _ => &[],
            };
            // An interpolation between integers is an exact multiple of a hundredth; rounding removes the floating-point error of the engine.
            let exact = |at: usize| percentiles.get(at).map(|number| (number * 100.0).round() / 100.0);
            let named = PERCENTILES.iter().enumerate().map(|(at, (name, _))| ((*name).to_owned(), json!(exact(at))));
            Value::Object(named.collect())
        }
    }
}

fn is_scaled(field: &Field) -> bool {
    matches!(field.kind, FieldType::Amount | FieldType::Number)
}

#[expect(clippy::cast_precision_loss, reason = "whole numbers that are not scaled are small")]
fn unscaled(field: &Field, value: i128) -> f64 {
    if is_scaled(field) { from_millionths(value) } else { value as f64 }
}

/// Returns the mean, with the same floating-point steps as in the engine, so that the order of buckets matches the returned numbers.
#[expect(clippy::cast_precision_loss, reason = "a mean is not exact anyway")]
fn mean(field: &Field, sum: i128, count: i128) -> f64 {
    sum as f64 / count as f64 / if is_scaled(field) { MILLION } else { 1.0 }
}

fn item(row: &Row) -> Value {
    let mut item = json!({ "item_id": text(row, 0), "value": integer(row, 1).and_then(|count| i64::try_from(count).ok()) });
    for (at, name) in [(2, "type"), (3, "name")] {
        if let (Some(text), Value::Object(item)) = (text(row, at), &mut item) {
            item.insert(name.into(), json!(text));
        }
    }
    item
}

fn page(query: &Query, scope: &Scope, search: &Search, counts: &[Row], rows: &[Row]) -> QueryResult {
    let limit = usize::try_from(search.limit).unwrap_or(usize::MAX);
    let page = rows.get(..limit).unwrap_or(rows);
    let selected: Vec<_> = search.fields.iter().map(|field| field.name).collect();
    let computed = query.computed_fields(search);
    let record = |row: &Row| {
        let mut json: Map<String, Value> = text(row, 0).map_or_else(|| Some(Map::new()), |text| serde_json::from_str(text).ok())?;
        for (field, cell) in computed.iter().zip(row.get(3..).unwrap_or_default()) {
            let path: Vec<_> = field.name.split('.').collect();
            let is_main = path.first() == Some(&query.resource.main);
            insert(&mut json, if is_main { path.get(1..).unwrap_or_default() } else { &path }, json_value(field, cell));
        }
        json.insert("id".into(), json!(text(row, 2)?));
        let mut out = select(query.resource.main, true, &json, &selected);
        out.extend(json.get("id").map(|id| ("id".to_owned(), id.clone())));
        Some(Value::Object(out))
    };
    let data = page.iter().filter_map(record).collect();
    let cursor = page.last().filter(|_| rows.len() > limit).map(|row| {
        let date = integer(row, 1).and_then(|at| i64::try_from(at).ok());
        let fingerprint = cursor::fingerprint(&scope.organization, query.resource.name, search.sort_by.name, search.sort);
        cursor::encode(SearchPosition { date, id: text(row, 2).unwrap_or_default().to_owned() }, fingerprint)
    });
    let count = counts.first().and_then(|row| integer(row, 0)).and_then(|count| i64::try_from(count).ok());
    QueryResult { data, pagination: Some(json!({ "record_count": count, "cursor": cursor })) }
}

/// Sets an attribute of an object or of an object in it.
fn insert(object: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [name] => drop(object.insert((*name).to_owned(), value)),
        [name, rest @ ..] => {
            if let Value::Object(inner) = object.entry(*name).or_insert_with(|| Value::Object(Map::new())) {
                insert(inner, rest, value);
            }
        }
    }
}

/// Returns a value in its canonical JSON form.
fn json_value(field: &Field, cell: &Cell) -> Value {
    let integer = |number: &i128| i64::try_from(*number).unwrap_or_default();
    match (cell, field.kind) {
        (Cell::Integer(number), FieldType::Timestamp) => json!(time::format_rfc3339_millis(integer(number))),
        (Cell::Integer(number), FieldType::Number | FieldType::Amount) => to_json_number(field.kind, integer(number)),
        (Cell::Integer(number), _) => json!(integer(number)),
        (Cell::Text(text), _) => json!(text),
        (Cell::Bool(is_true), _) => json!(is_true),
        (Cell::Texts(texts), _) => json!(texts),
        (Cell::Numbers(_) | Cell::Null, _) => Value::Null,
    }
}

/// Returns the selected attributes of a record or relation, without objects and arrays that have none.
fn select(owner: &str, is_main: bool, object: &Map<String, Value>, selected: &[&str]) -> Map<String, Value> {
    let mut out = Map::new();
    for (name, value) in object {
        let relation = if is_main { name.clone() } else { format!("{owner}.{name}") };
        let is_selected = || selected.contains(&format!("{owner}.{name}").as_str());
        let value = match value {
            Value::Null => None,
            Value::Array(elements) if !elements.is_empty() && elements.iter().all(Value::is_string) => is_selected().then(|| value.clone()),
            Value::Object(inner) => non_empty(select(&relation, false, inner, selected)),
            Value::Array(elements) => {
                let each =
                    elements.iter().filter_map(Value::as_object).filter_map(|inner| non_empty(select(&relation, false, inner, selected)));
                Some(Value::Array(each.collect())).filter(|list| list.as_array().is_some_and(|list| !list.is_empty()))
            }
            _ => is_selected().then(|| value.clone()),
        };
        out.extend(value.map(|value| (name.clone(), value)));
    }
    out
}

fn non_empty(object: Map<String, Value>) -> Option<Value> {
    (!object.is_empty()).then_some(Value::Object(object))
}

fn integer(row: &Row, at: usize) -> Option<i128> {
    match row.get(at) {
        Some(Cell::Integer(number)) => Some(*number),
        _ => None,
    }
}

fn text(row: &Row, at: usize) -> Option<&str> {
    match row.get(at) {
        Some(Cell::Text(text)) => Some(text),
        _ => None,
    }
}
