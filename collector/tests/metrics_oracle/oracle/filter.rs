//! Selects the records of a query, and the elements of their arrays, by its filter.

use std::cmp::Ordering;

use serde_json::{Value, json};
use tillroll_collector::metrics::catalog::{ARRAYS, Field, FieldType, FilterKind, Resource, parent};
use tillroll_collector::metrics::parse::QueryType;
use tillroll_collector::metrics::search_query;
use tillroll_collector::time;

use super::customer_orders;
use super::people;
use super::random_records::RandomRecords;
use super::test_query::{TestQuery, now};
use super::traffic_json::with_orders_of;

/// A record, and the conditions of the query.
pub(crate) struct Record<'a> {
    pub(crate) json: &'a Value,
    conditions: &'a [Condition],
}

/// The records that match a query.
pub(crate) struct Records<'a> {
    pub(crate) all: Vec<Record<'a>>,
    pub(crate) resource: &'static Resource,
}

/// One condition of a filter.
struct Condition {
    field: &'static Field,
    name: String,
    value: Value,
}

impl Condition {
    /// Whether the condition is negative: it must hold for no element of an array.
    fn is_negative(&self) -> bool {
        self.name == "ne" || self.name == "not_in"
    }

    fn holds(&self, object: &Value, path: &str) -> bool {
        let live = json!("live");
        let found = match get(object, path) {
            Value::Null if matches!(self.field.filter_kind, FilterKind::Choice(_)) => &live,
            found => found,
        };
        match self.name.as_str() {
            "is" => found.as_bool().unwrap_or(false) == self.value.as_bool().unwrap(),
            "in" => is_among(found, &self.value),
            "not_in" => !is_among(found, &self.value),
            "eq" => compare(self.field, found, &self.value).is_some_and(Ordering::is_eq),
            "ne" => !compare(self.field, found, &self.value).is_some_and(Ordering::is_eq),
            "gt" => compare(self.field, found, &self.value).is_some_and(Ordering::is_gt),
            "gte" => compare(self.field, found, &self.value).is_some_and(Ordering::is_ge),
            "lt" => compare(self.field, found, &self.value).is_some_and(Ordering::is_lt),
            "lte" => compare(self.field, found, &self.value).is_some_and(Ordering::is_le),
            range => {
                let (low, high) = range.split_once('_').unwrap();
                let bound = |name: &str, value: &Value| Self { field: self.field, name: name.into(), value: value.clone() };
                bound(low, &self.value[0]).holds(object, path) && bound(high, &self.value[1]).holds(object, path)
            }
        }
    }
}

/// Returns the records that match a query.
pub(crate) fn records<'a>(all_records: &'a RandomRecords, test_query: &TestQuery) -> Records<'a> {
    let resource = Resource::find(test_query.resource).unwrap();
    let filter = &test_query.body["filter"];
    // Leaked: the conditions live as long as the test, and every record refers to them.
    let conditions: &'static [Condition] = conditions(resource, filter, test_query.kind).leak();
    let traffic = all_records.traffic.as_ref().unwrap();
    let records: &[Value] = match resource.main {
        "return" => &all_records.returns,
        // Leaked like the conditions.
        "event" => with_orders_of(&test_query.markets, &traffic.events).leak(),
        "visit" => with_orders_of(&test_query.markets, &traffic.visits).leak(),
        "customer" => people::customers(all_records, &test_query.markets).leak(),
        _ => customer_orders::add(&all_records.orders, &test_query.markets).leak(),
    };
    let all = records.iter().map(|json| Record { json, conditions });
    let all = all.filter(|record| {
        let status = record.json["status"].as_str();
        let is_cart = status == Some("draft") || status == Some("pending");
        let has_cart = is_cart == (resource.name == "carts") || resource.main == "return";
        let market = record.json["market"]["id"].as_str();
        let is_allowed = resource.main == "customer"
            || test_query.markets.is_empty()
            || market.is_some_and(|market| test_query.markets.iter().any(|other| other == market));
        has_cart && is_allowed && is_in_period(resource, filter, test_query.kind, record.json) && record.matches(filter, resource)
    });
    Records { all: all.collect(), resource }
}

fn conditions(resource: &'static Resource, filter: &Value, kind: QueryType) -> Vec<Condition> {
    let mut found = Vec::new();
    for field in &resource.fields {
        let Some(name) = field.filter else { continue };
        let value = &get(filter, field.owner())[name];
        let is_given = kind == QueryType::BoughtTogether && field.name == "line_items.item_id";
        match value {
            Value::Bool(_) => found.push(Condition { field, name: "is".into(), value: value.clone() }),
            Value::String(_) => found.push(Condition { field, name: "in".into(), value: Value::Array(vec![value.clone()]) }),
            Value::Object(object) if !is_given && !object.contains_key("query") => {
                let (name, value) = object.iter().next().unwrap();
                found.push(Condition { field, name: name.clone(), value: value.clone() });
            }
            _ => {}
        }
    }
    found
}

fn is_in_period(resource: &Resource, filter: &Value, kind: QueryType, json: &Value) -> bool {
    let given = &filter[resource.main];
    if given["date_from"].is_null() && kind == QueryType::BoughtTogether {
        return true;
    }
    let today = time::start_of_day(now());
    let read = |name: &str, default| given[name].as_str().map_or(default, |text| time::parse_rfc3339(text).unwrap().millis);
    let (from, to) = (read("date_from", today - 30 * time::DAY_MS), read("date_to", today + time::DAY_MS - 1000));
    let field = given["date_field"].as_str().unwrap_or_else(|| default_date(resource));
    date(resource, json, field).is_some_and(|at| from <= at && at <= to + 999)
}

/// Returns the attribute of the date that a query uses if it names none.
pub(crate) fn default_date(resource: &Resource) -> &'static str {
    resource.default_date.split_once('.').unwrap().1
}

/// Returns a date of a record, in milliseconds since 1970.
pub(crate) fn date(resource: &Resource, json: &Value, attribute: &str) -> Option<i64> {
    if resource.main == "return" && attribute == "restocked_at" {
        let lines = json["return_line_items"].as_array()?;
        return lines.iter().filter_map(|line| line["restocked_at"].as_str()).map(|text| time::parse_rfc3339(text).unwrap().millis).max();
    }
    json[attribute].as_str().map(|text| time::parse_rfc3339(text).unwrap().millis)
}

impl Record<'_> {
    fn matches(&self, filter: &Value, resource: &Resource) -> bool {
        let query = &filter[resource.main]["aggregated_details"]["query"];
        let mut lines = Vec::new();
        match resource.main {
            "customer" => ["email", "first_name", "last_name", "tags"].iter().for_each(|name| add_lines(&self.json[*name], &mut lines)),
            // The attribution is no part of the document.
            _ => self
                .json
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(name, _)| *name != "attribution")
                .for_each(|(_, value)| add_lines(value, &mut lines)),
        }
        if query.as_str().is_some_and(|query| !search_query::matches(&search_query::parse(query).unwrap(), &lines)) {
            return false;
        }
        self.conditions.iter().all(|condition| match condition.field.array() {
            None => condition.holds(self.json, &path(resource.main, condition.field)),
            Some(array) if condition.is_negative() => {
                self.all_elements(array).iter().all(|element| condition.holds(element.json, &element.path(condition.field)))
            }
            Some(array) => !self.elements(array).is_empty(),
        })
    }

    /// Returns the elements that the query covers: they meet every positive condition on their array, their parent is covered too, and every
    /// nested array with conditions contains a covered element.
    pub(crate) fn elements(&self, array: &'static str) -> Vec<Element<'_>> {
        self.all_elements(array).into_iter().filter(|element| self.is_covered(element)).collect()
    }

    fn is_covered(&self, element: &Element<'_>) -> bool {
        let positive = |array: &str| {
            let array = array.to_owned();
            self.conditions.iter().filter(move |condition| condition.field.array() == Some(array.as_str()) && !condition.is_negative())
        };
        let is_met =
            |element: &Element<'_>| positive(element.array).all(|condition| condition.holds(element.json, &element.path(condition.field)));
        let outer_is_met = || {
            let outer = parent(element.array).map(|array| self.all_elements(array));
            outer.is_none_or(|outer| outer.iter().filter(|outer| outer.at.first() == element.at.first()).all(&is_met))
        };
        let has_inner = |inner: &'static str| {
            let elements = self.all_elements(inner);
            positive(inner).next().is_none() || elements.iter().any(|inner| inner.at.first() == element.at.first() && is_met(inner))
        };
        let inner = inner_arrays(element.array);
        is_met(element) && outer_is_met() && inner.iter().all(|inner| has_inner(inner))
    }

    /// Returns every element of an array.
    fn all_elements(&self, array: &'static str) -> Vec<Element<'_>> {
        let Some(outer) = parent(array) else {
            let elements = list_of(self.json, array);
            return elements.into_iter().enumerate().map(|(at, json)| Element { array, at: vec![at], json }).collect();
        };
        let name = &array[outer.len() + 1..];
        let mut found = Vec::new();
        for (first, outer_element) in list_of(self.json, outer).into_iter().enumerate() {
            found.extend(list_of(outer_element, name).into_iter().enumerate().map(|(at, json)| Element {
                array,
                at: vec![first, at],
                json,
            }));
        }
        found
    }
}

/// Adds all texts in lower case, each with spaces in place of its blanks.
fn add_lines(json: &Value, lines: &mut Vec<String>) {
    match json {
        Value::String(text) if time::parse_rfc3339(text).is_none() => {
            lines.push(search_query::fold(text).replace(char::is_whitespace, " "));
        }
        Value::Array(values) => values.iter().for_each(|value| add_lines(value, lines)),
        Value::Object(object) => object.values().for_each(|value| add_lines(value, lines)),
        _ => {}
    }
}

fn list_of<'a>(json: &'a Value, name: &str) -> Vec<&'a Value> {
    json[name].as_array().map_or_else(Vec::new, |list| list.iter().collect())
}

/// An element of an array of a record.
#[derive(Clone)]
pub(crate) struct Element<'a> {
    pub(crate) array: &'static str,
    /// The index in the array, after the index of the outer element if the array is nested.
    pub(crate) at: Vec<usize>,
    pub(crate) json: &'a Value,
}

impl Element<'_> {
    pub(crate) fn path(&self, field: &Field) -> String {
        field.name[self.array.len() + 1..].to_owned()
    }
}

/// Returns the path of an attribute in its record.
pub(crate) fn path(main: &str, field: &Field) -> String {
    field.name.strip_prefix(&format!("{main}.")).unwrap_or(field.name).to_owned()
}

/// Returns the value at a path.
pub(crate) fn get<'a>(json: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(json, |json, step| &json[step])
}

fn is_among(found: &Value, list: &Value) -> bool {
    let as_text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if let Value::Array(found) = found {
        return found.iter().any(|found| is_among(found, list));
    }
    found.as_str().is_some_and(|found| list.as_array().unwrap().iter().any(|other| as_text(other) == found))
}

fn compare(field: &Field, found: &Value, other: &Value) -> Option<Ordering> {
    if field.kind == FieldType::Timestamp {
        let read = |value: &Value| value.as_str().map(|text| time::parse_rfc3339(text).unwrap().millis);
        return Some(read(found)?.cmp(&read(other)?));
    }
    found.as_f64()?.partial_cmp(&other.as_f64()?)
}

/// Returns the arrays that are nested in this one.
pub(crate) fn inner_arrays(array: &str) -> Vec<&'static str> {
    ARRAYS.iter().copied().filter(|other| parent(other) == Some(array)).collect()
}
