//! The reference evaluator: it has no optimizations and follows the documentation literally.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use tillroll_collector::metrics::catalog::{ARRAYS, Field, FieldType, Resource, parent};
use tillroll_collector::metrics::parse::QueryType;
use tillroll_collector::time;

use super::filter::{Element, Record, Records, date, default_date, get, path};
use super::test_query::TestQuery;

/// A record with one element of each array that the query uses; `None` for an empty array.
struct Row<'a> {
    index: usize,
    record: &'a Record<'a>,
    bound: BTreeMap<&'static str, Option<Element<'a>>>,
}

/// One level of the path to a bucket: the field and its value, with an interval for dates.
struct Step {
    field: &'static Field,
    interval: Option<String>,
    label: String,
}

pub(crate) fn data(records: &Records<'_>, test_query: &TestQuery) -> Value {
    match test_query.kind {
        QueryType::Breakdown => {
            let query = &test_query.body["breakdown"];
            json!({ query["by"].as_str().unwrap(): breakdown(records, query, &[]) })
        }
        QueryType::DateBreakdown => json!(dates(records, &test_query.body["date_breakdown"])),
        QueryType::Stats => {
            json!({ "value": value(&owners(records, &[], &test_query.body["stats"]), &test_query.body["stats"], records.resource).0 })
        }
        QueryType::BoughtTogether => bought_together(records, test_query),
        QueryType::Search => Value::Null,
    }
}

fn breakdown(records: &Records<'_>, query: &Value, steps: &[Step]) -> Vec<Value> {
    let by = records.resource.field(query["by"].as_str().unwrap()).unwrap();
    let mut buckets = Vec::new();
    for label in labels(records, by, None, steps) {
        let steps = append_step(steps, by, None, &label);
        let (shown, rank) = value(&owners(records, &steps, query), query, records.resource);
        if meets_condition(&query["condition"], rank) {
            buckets.push((rank, label, shown, steps));
        }
    }
    let is_ascending = query["sort"] == "asc";
    buckets.sort_by(|first, second| by_rank(first.0, second.0, is_ascending).then_with(|| first.1.cmp(&second.1)));
    buckets.truncate(usize::try_from(query["limit"].as_u64().unwrap_or(10)).unwrap());
    let bucket = |(_, label, shown, steps): (_, String, Value, Vec<Step>)| {
        let mut bucket = json!({ "label": label, "value": shown });
        add_inner(records, query, &steps, &mut bucket);
        bucket
    };
    buckets.into_iter().map(bucket).collect()
}

fn dates(records: &Records<'_>, query: &Value) -> Vec<Value> {
    let by = records.resource.field(query["by"].as_str().unwrap()).unwrap();
    let interval = query["interval"].as_str().unwrap_or("month");
    let bucket = |label: String| {
        let steps = append_step(&[], by, Some(interval), &label);
        let shown = value(&owners(records, &steps, query), query, records.resource).0;
        let mut bucket = json!({ "date": label, "value": shown });
        add_inner(records, query, &steps, &mut bucket);
        bucket
    };
    labels(records, by, Some(interval), &[]).into_iter().map(bucket).collect()
}

fn add_inner(records: &Records<'_>, query: &Value, steps: &[Step], bucket: &mut Value) {
    if let Some(by) = query["breakdown"]["by"].as_str() {
        bucket[by] = json!(breakdown(records, &query["breakdown"], steps));
    }
}

fn append_step(steps: &[Step], field: &'static Field, interval: Option<&str>, label: &str) -> Vec<Step> {
    let copy = |step: &Step| Step { field: step.field, interval: step.interval.clone(), label: step.label.clone() };
    let last = Step { field, interval: interval.map(Into::into), label: label.into() };
    steps.iter().map(copy).chain([last]).collect()
}

/// Returns every value of a field in the bucket at `steps`.
fn labels(records: &Records<'_>, by: &'static Field, interval: Option<&str>, steps: &[Step]) -> BTreeSet<String> {
    let rows = rows(records, steps, Some(by), None);
    rows.iter().flat_map(|row| row_labels(records.resource, row, by, interval)).collect()
}

/// Returns the values of the measured field, one for each distinct owner in the bucket.
fn owners(records: &Records<'_>, steps: &[Step], query: &Value) -> Vec<Value> {
    let field = records.resource.field(query["field"].as_str().unwrap()).unwrap();
    let mut owners = BTreeMap::new();
    for row in rows(records, steps, None, Some(field)) {
        let at = match field.array() {
            None => Some(Vec::new()),
            Some(array) => row.bound[array].as_ref().map(|element| element.at.clone()),
        };
        if let Some(at) = at {
            // Visitors are counted by person.
            let is_person = field.name == "visitor.id" && query["operator"] == "cardinality";
            let value = if is_person { &row.record.json["visitor"]["person"] } else { attribute(records.resource, &row, field) };
            owners.insert((row.index, at), value.clone());
        }
    }
    owners.into_values().filter(|value| !value.is_null()).collect()
}

/// Returns the rows of a bucket.
fn rows<'a>(records: &'a Records<'a>, steps: &[Step], by: Option<&'static Field>, measured: Option<&'static Field>) -> Vec<Row<'a>> {
    let keyed: Vec<_> = steps.iter().map(|step| step.field).chain(by).filter_map(Field::array).collect();
    let mut all = Vec::new();
    for (index, record) in records.all.iter().enumerate() {
        let mut rows = vec![Row { index, record, bound: BTreeMap::new() }];
        for array in ARRAYS.iter().copied().filter(|array| keyed.contains(array) || measured.and_then(Field::array) == Some(array)) {
            rows = rows.into_iter().flat_map(|row| bind(row, array)).collect();
        }
        all.extend(rows);
    }
    let is_in_bucket = |row: &Row<'_>| {
        steps.iter().all(|step| row_labels(records.resource, row, step.field, step.interval.as_deref()).contains(&step.label))
    };
    all.into_iter().filter(is_in_bucket).collect()
}

/// Returns one row for each element of the array within the element that is already bound; one row with `None` if there is no element.
fn bind<'a>(row: Row<'a>, array: &'static str) -> Vec<Row<'a>> {
    let outer = parent(array).and_then(|array| row.bound.get(array));
    let is_inside = |element: &Element<'a>| match outer {
        None => true,
        Some(None) => false,
        Some(Some(outer)) => element.at.first() == outer.at.first(),
    };
    let elements: Vec<_> = row.record.elements(array).into_iter().filter(is_inside).map(Some).collect();
    let elements = if elements.is_empty() { vec![None] } else { elements };
    let with = |element| {
        let mut bound = row.bound.clone();
        bound.insert(array, element);
        Row { index: row.index, record: row.record, bound }
    };
    elements.into_iter().map(with).collect()
}

fn attribute<'a>(resource: &Resource, row: &'a Row<'_>, field: &Field) -> &'a Value {
    match field.array() {
        None => get(row.record.json, &path(resource.main, field)),
        Some(array) => row.bound[array].as_ref().map_or(&Value::Null, |element| get(element.json, &element.path(field))),
    }
}

/// Returns the labels of the buckets that a row is in: one, or one for each element of a list.
fn row_labels(resource: &Resource, row: &Row<'_>, field: &Field, interval: Option<&str>) -> Vec<String> {
    match attribute(resource, row, field) {
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => label(resource, row, field, interval).into_iter().collect(),
    }
}

fn label(resource: &Resource, row: &Row<'_>, field: &Field, interval: Option<&str>) -> Option<String> {
    if field.kind == FieldType::Organization {
        return Some("shop".into());
    }
    match (attribute(resource, row, field), interval) {
        (Value::Null, _) => None,
        (Value::String(text), Some(interval)) => {
            Some(time::format_rfc3339_millis(interval_start(time::parse_rfc3339(text).unwrap().millis, interval)))
        }
        (Value::String(text), None) => Some(text.clone()),
        (other, _) => Some(other.to_string()),
    }
}

/// Returns the start of the interval that contains a time.
fn interval_start(millis: i64, interval: &str) -> i64 {
    let midnight = time::start_of_day(millis);
    let first_of = |length: usize, rest: &str| {
        let day = format!("{}{rest}T00:00:00Z", &time::format_rfc3339_secs(midnight)[..length]);
        time::parse_rfc3339(&day).unwrap().millis
    };
    match interval {
        "hour" => millis - millis % 3_600_000,
        "day" => midnight,
        // The first of 1970 was a Thursday.
        "week" => midnight - (midnight / time::DAY_MS + 3) % 7 * time::DAY_MS,
        "month" => first_of(7, "-01"),
        _ => first_of(4, "-01-01"),
    }
}

/// Returns the aggregate, and the number that buckets are sorted by.
fn value(values: &[Value], query: &Value, resource: &Resource) -> (Value, Option<f64>) {
    let field = resource.field(query["field"].as_str().unwrap()).unwrap();
    let count = values.len();
    let mut numbers: Vec<i64> = values.iter().filter_map(Value::as_f64).map(millionths).collect();
    numbers.sort_unstable();
    let sum: i64 = numbers.iter().sum();
    let optional = |millionths: Option<&i64>| millionths.map(|&number| unscaled(number));
    let scale = if matches!(field.kind, FieldType::Amount | FieldType::Number) { 1.0 } else { 1e6 };
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let avg = (count > 0).then(|| sum as f64 / scale / count as f64 / (1e6 / scale));
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let single = |number: usize| (json!(number), Some(number as f64));
    let float = |number: Option<f64>| (json!(number), number);
    match query["operator"].as_str().unwrap() {
        "value_count" => single(count),
        "cardinality" => single(values.iter().map(Value::to_string).collect::<BTreeSet<_>>().len()),
        "sum" => float(Some(unscaled(sum))),
        "avg" => float(avg),
        "min" => float(optional(numbers.first())),
        "max" => float(optional(numbers.last())),
        "stats" => {
            let (min, max) = (optional(numbers.first()), optional(numbers.last()));
            (json!({ "count": count, "min": min, "max": max, "avg": avg, "sum": unscaled(sum) }), avg)
        }
        _ => {
            let parts = [("1.0", 1), ("5.0", 5), ("25.0", 25), ("50.0", 50), ("75.0", 75), ("95.0", 95), ("99.0", 99)];
            let named = parts.map(|(name, part)| (name.to_owned(), json!(percentile(&numbers, part))));
            (Value::Object(Map::from_iter(named)), percentile(&numbers, 50))
        }
    }
}

/// Interpolates linearly between the two nearest values, in integer hundredths, so that the result is exact.
fn percentile(sorted: &[i64], percent: usize) -> Option<f64> {
    let position = percent * sorted.len().checked_sub(1)?;
    let (low, high) = (sorted[position / 100], sorted[position.div_ceil(100)]);
    let beyond = i64::try_from(position % 100).unwrap();
    Some(unscaled((low * 100 + (high - low) * beyond) / 100))
}

#[expect(clippy::cast_possible_truncation, reason = "small numbers")]
fn millionths(number: f64) -> i64 {
    (number * 1e6).round() as i64
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn unscaled(millionths: i64) -> f64 {
    millionths as f64 / 1e6
}

/// Compares by number; missing numbers come last in both directions.
fn by_rank(one: Option<f64>, other: Option<f64>, is_ascending: bool) -> Ordering {
    match (one, other) {
        (Some(one), Some(other)) if is_ascending => one.total_cmp(&other),
        (Some(one), Some(other)) => other.total_cmp(&one),
        _ => other.is_some().cmp(&one.is_some()),
    }
}

fn meets_condition(condition: &Value, number: Option<f64>) -> bool {
    let Some((name, value)) = condition.as_object().and_then(|condition| condition.iter().next()) else { return true };
    let compare = |name: &str, value: &Value| {
        let order = number.and_then(|number| number.partial_cmp(&value.as_f64()?));
        match name {
            "eq" => order.is_some_and(Ordering::is_eq),
            "ne" => !order.is_some_and(Ordering::is_eq),
            "gt" => order.is_some_and(Ordering::is_gt),
            "gte" => order.is_some_and(Ordering::is_ge),
            "lt" => order.is_some_and(Ordering::is_lt),
            _ => order.is_some_and(Ordering::is_le),
        }
    };
    match name.split_once('_') {
        Some((low, high)) => compare(low, &value[0]) && compare(high, &value[1]),
        None => compare(name, value),
    }
}

fn bought_together(records: &Records<'_>, test_query: &TestQuery) -> Value {
    let given: Vec<_> = test_query.body["filter"]["line_items"]["item_ids"]["in"].as_array().unwrap().clone();
    let lines = |record: &Record<'_>| record.json["line_items"].as_array().cloned().unwrap_or_default();
    let contains_all = |record: &&Record<'_>| given.iter().all(|id| lines(record).iter().any(|line| line["item_id"] == *id));
    let mut orders: Vec<_> = records.all.iter().filter(contains_all).collect();
    orders.sort_by_key(|order| {
        let created = date(records.resource, order.json, "created_at");
        (created.is_none(), created, order.json["id"].as_str().map(str::to_owned))
    });
    let mut found: BTreeMap<String, (BTreeSet<usize>, Value, Value)> = BTreeMap::new();
    for (number, order) in orders.iter().enumerate() {
        for element in order.elements("line_items") {
            let (id, kind, name) = (&element.json["item_id"], &element.json["item_type"], &element.json["name"]);
            let Some(text) = id.as_str() else { continue };
            if given.contains(id) || !(kind == "skus" || kind == "bundles") {
                continue;
            }
            let entry = found.entry(text.into()).or_default();
            entry.0.insert(number);
            for (attribute, seen) in [(&mut entry.1, kind), (&mut entry.2, name)] {
                if attribute.is_null() {
                    *attribute = seen.clone();
                }
            }
        }
    }
    let mut items: Vec<_> = found.into_iter().collect();
    items.sort_by_key(|(_, (orders, _, _))| std::cmp::Reverse(orders.len()));
    let shown = items.into_iter().take(10).map(|(id, (orders, kind, name))| {
        let mut item = json!({ "item_id": id, "value": orders.len(), "type": kind, "name": name });
        item.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        item
    });
    shown.collect()
}

/// Returns all records that a search finds, with the selected fields.
pub(crate) fn search(records: &Records<'_>, test_query: &TestQuery) -> Vec<Value> {
    let query = &test_query.body["search"];
    let attribute = query["sort_by"].as_str().map_or_else(|| default_date(records.resource), |name| name.split_once('.').unwrap().1);
    let is_ascending = query["sort"] == "asc";
    let mut found: Vec<_> = records.all.iter().map(|record| (date(records.resource, record.json, attribute), record)).collect();
    found.sort_by(|(one, record), (other, next)| {
        let order = match (one, other) {
            (Some(one), Some(other)) if is_ascending => one.cmp(other),
            (Some(one), Some(other)) => other.cmp(one),
            _ => one.is_none().cmp(&other.is_none()),
        };
        order.then_with(|| record.json["id"].as_str().cmp(&next.json["id"].as_str()))
    });
    let selected: Vec<_> = query["fields"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    found.iter().map(|(_, record)| shown(records.resource, record.json, &selected)).collect()
}

fn shown(resource: &Resource, json: &Value, selected: &[&str]) -> Value {
    let mut out = json!({ "id": json["id"] });
    for field in resource.fields.iter().filter(|field| field.owner() == resource.main) {
        if is_selected(field, selected) && !json[field.attribute()].is_null() {
            out[field.attribute()] = json[field.attribute()].clone();
        }
    }
    for (name, relation) in json.as_object().unwrap() {
        let value = select(resource, name, relation, selected);
        if !value.is_null() && (relation.is_object() || relation.is_array()) {
            out[name] = value;
        }
    }
    out
}

fn select(resource: &Resource, path: &str, json: &Value, selected: &[&str]) -> Value {
    match json {
        Value::Array(elements) => {
            let each: Vec<_> = elements.iter().map(|json| select(resource, path, json, selected)).filter(|json| !json.is_null()).collect();
            if each.is_empty() { Value::Null } else { json!(each) }
        }
        Value::Object(object) => {
            let inner = |(name, json): (&String, &Value)| (name.clone(), select(resource, &format!("{path}.{name}"), json, selected));
            let each: Map<_, _> = object.iter().map(inner).filter(|(_, json)| !json.is_null()).collect();
            if each.is_empty() { Value::Null } else { Value::Object(each) }
        }
        _ => resource.field(path).filter(|field| is_selected(field, selected)).map_or(Value::Null, |_| json.clone()),
    }
}

fn is_selected(field: &Field, selected: &[&str]) -> bool {
    field.is_shown && selected.iter().any(|name| *name == field.name || *name == format!("{}.*", field.owner()))
}
