//! Parses breakdowns and stats.

use serde_json::{Map, Value, json};

use crate::metrics::catalog::{Field, Grouping, Operator, Resource};
use crate::metrics::parse::errors::ValidationErrors;
use crate::metrics::parse::values::{RequestObject, comparison, number, time_zone};
use crate::metrics::query::{Breakdown, Comparison, DateBreakdown, Interval, Measure, Sort};
use crate::metrics::time_zone::Zone;

const SORTS: &[(&str, Sort)] = &[("asc", Sort::Ascending), ("desc", Sort::Descending)];
const DEFAULT_LIMIT: u32 = 10;

/// Returns the name of a value in requests.
pub(super) fn name_of<T: Copy + PartialEq>(names: &[(&'static str, T)], value: T) -> &'static str {
    names.iter().find(|(_, other)| *other == value).map_or("", |(name, _)| name)
}

pub(super) fn read_sort(request: &RequestObject<'_>, errors: &mut ValidationErrors) -> (Sort, &'static str) {
    let sort = request.choice("sort", SORTS, Some(Sort::Descending), errors).unwrap_or(Sort::Descending);
    (sort, name_of(SORTS, sort))
}

pub(super) fn read(resource: &'static Resource, query: &Map<String, Value>, errors: &mut ValidationErrors) -> Option<(Breakdown, Value)> {
    read_level(resource, &RequestObject { field: "breakdown", path: "", object: query }, None, 1, errors)
}

pub(super) fn read_dates(
    resource: &'static Resource,
    query: &Map<String, Value>,
    errors: &mut ValidationErrors,
) -> Option<(DateBreakdown, Value)> {
    let request = RequestObject { field: "date_breakdown", path: "", object: query };
    request.allow_only(&["by", "field", "operator", "interval", "time_zone", "breakdown"], errors);
    let by = request.text("by", errors).map(str::to_owned).and_then(|name| {
        let found = resource.field(&name).filter(|field| field.is_by_date && resource.computes(field));
        if found.is_none() {
            request.add_error(errors, "by", format!("{name} is not a date to break {} down by", resource.name));
        }
        found
    });
    let measure = read_measure(resource, &request, errors);
    let interval = request.choice("interval", Interval::NAMES, Some(Interval::Month), errors);
    let zone = read_zone(&request, errors);
    let inner = read_inner(resource, &request, None, 1, errors);
    let (by, measure, interval, zone, (inner, filled_inner)) = (by?, measure?, interval?, zone?, inner?);
    let mut filled = filled(&measure, by);
    filled.insert("interval".into(), json!(name_of(Interval::NAMES, interval)));
    filled.extend(query.get("time_zone").map(|name| ("time_zone".into(), name.clone())));
    filled.extend(filled_inner.map(|inner| ("breakdown".into(), inner)));
    Some((DateBreakdown { by, measure, interval, zone, inner }, Value::Object(filled)))
}

/// Returns the time zone, `None` within for UTC.
fn read_zone(request: &RequestObject<'_>, errors: &mut ValidationErrors) -> Option<Option<Zone>> {
    match request.object.get("time_zone") {
        None => Some(None),
        Some(name) => match time_zone(name) {
            Ok(zone) => Some(Some(zone)),
            Err(message) => {
                request.add_error(errors, "time_zone", message);
                None
            }
        },
    }
}

pub(super) fn read_stats(
    resource: &'static Resource,
    query: &Map<String, Value>,
    errors: &mut ValidationErrors,
) -> Option<(Measure, Value)> {
    let request = RequestObject { field: "stats", path: "", object: query };
    request.allow_only(&["field", "operator"], errors);
    let measure = read_measure(resource, &request, errors)?;
    Some((measure, json!({ "field": measure.field.name, "operator": name_of(Operator::NAMES, measure.operator) })))
}

/// `depth` is 1 for the outermost breakdown, which may contain one more.
fn read_level(
    resource: &'static Resource,
    request: &RequestObject<'_>,
    outer: Option<&'static Field>,
    depth: usize,
    errors: &mut ValidationErrors,
) -> Option<(Breakdown, Value)> {
    request.allow_only(&["by", "field", "operator", "condition", "sort", "limit", "breakdown"], errors);
    let by = read_by(resource, request, outer, errors);
    let measure = read_measure(resource, request, errors);
    let condition = read_condition(request, measure, errors);
    let (sort, sort_name) = read_sort(request, errors);
    let limit = request.limit(DEFAULT_LIMIT, errors);
    let inner = read_inner(resource, request, by, depth + 1, errors);
    let (by, measure, (inner, filled_inner)) = (by?, measure?, inner?);
    let mut filled = filled(&measure, by);
    filled.extend(request.object.get("condition").map(|condition| ("condition".into(), condition.clone())));
    filled.insert("sort".into(), json!(sort_name));
    filled.insert("limit".into(), json!(limit));
    filled.extend(filled_inner.map(|inner| ("breakdown".into(), inner)));
    Some((Breakdown { by, measure, condition, sort, limit, inner }, Value::Object(filled)))
}

fn filled(measure: &Measure, by: &Field) -> Map<String, Value> {
    Map::from_iter([
        ("by".into(), json!(by.name)),
        ("field".into(), json!(measure.field.name)),
        ("operator".into(), json!(name_of(Operator::NAMES, measure.operator))),
    ])
}

type Inner = (Option<Box<Breakdown>>, Option<Value>);

fn read_inner(
    resource: &'static Resource,
    request: &RequestObject<'_>,
    by: Option<&'static Field>,
    depth: usize,
    errors: &mut ValidationErrors,
) -> Option<Inner> {
    let Some(value) = request.object.get("breakdown") else { return Some((None, None)) };
    let Value::Object(object) = value else {
        request.add_error(errors, "breakdown", "must be an object");
        return None;
    };
    if depth > 2 {
        request.add_error(errors, "breakdown", "cannot be nested once more");
        return None;
    }
    let path = format!("{}breakdown.", request.path);
    let (inner, filled) = read_level(resource, &RequestObject { field: request.field, path: &path, object }, by, depth, errors)?;
    Some((Some(Box::new(inner)), Some(filled)))
}

fn read_by(
    resource: &'static Resource,
    request: &RequestObject<'_>,
    outer: Option<&'static Field>,
    errors: &mut ValidationErrors,
) -> Option<&'static Field> {
    let name = request.text("by", errors)?;
    let found = resource.field(name).filter(|field| field.grouping != Grouping::No && resource.computes(field));
    match (found, outer) {
        (None, _) => request.add_error(errors, "by", format!("{name} is not a field to break {} down by", resource.name)),
        (Some(by), Some(outer)) if !outer.can_contain(by) => {
            request.add_error(errors, "by", format!("{name} cannot be nested in {}", outer.name));
            return None;
        }
        _ => {}
    }
    found
}

fn read_measure(resource: &'static Resource, request: &RequestObject<'_>, errors: &mut ValidationErrors) -> Option<Measure> {
    let field = request.text("field", errors).and_then(|name| {
        let found = resource.field(name).filter(|field| !field.operators.is_empty() && resource.computes(field));
        if found.is_none() {
            request.add_error(errors, "field", format!("{name} is not a field to compute of {}", resource.name));
        }
        found
    });
    let operator = request.choice("operator", Operator::NAMES, None, errors);
    let (field, operator) = (field?, operator?);
    if !field.operators.contains(&operator) {
        let names: Vec<_> = field.operators.iter().map(|operator| name_of(Operator::NAMES, *operator)).collect();
        request.add_error(errors, "operator", format!("must be one of {} for {}", names.join(", "), field.name));
        return None;
    }
    Some(Measure { field, operator })
}

fn read_condition(request: &RequestObject<'_>, measure: Option<Measure>, errors: &mut ValidationErrors) -> Option<Comparison<f64>> {
    let value = request.object.get("condition")?;
    if measure.is_some_and(|measure| !measure.operator.is_single()) {
        request.add_error(errors, "condition", "needs an operator that gives one number");
        return None;
    }
    comparison(value, number).map_err(|message| request.add_error(errors, "condition", message)).ok()
}
