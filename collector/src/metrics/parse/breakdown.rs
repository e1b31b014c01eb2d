//! Reading breakdowns and stats.

use serde_json::{Map, Value, json};

use crate::metrics::catalog::{Field, Grouping, Operator, Resource};
use crate::metrics::parse::ValidationErrors;
use crate::metrics::parse::values::{Part, comparison, number};
use crate::metrics::query::{Breakdown, Comparison, DateBreakdown, Interval, Measure, Sort};

const SORTS: &[(&str, Sort)] = &[("asc", Sort::Ascending), ("desc", Sort::Descending)];
const DEFAULT_LIMIT: u32 = 10;

/// Returns the name that something has in requests.
pub(super) fn name_of<T: Copy + PartialEq>(names: &[(&'static str, T)], value: T) -> &'static str {
    names.iter().find(|(_, other)| *other == value).map_or("", |(name, _)| name)
}

pub(super) fn read_sort(part: &Part<'_>, faults: &mut ValidationErrors) -> (Sort, &'static str) {
    let sort = part.choice("sort", SORTS, Some(Sort::Descending), faults).unwrap_or(Sort::Descending);
    (sort, name_of(SORTS, sort))
}

pub(super) fn read(resource: &'static Resource, query: &Map<String, Value>, faults: &mut ValidationErrors) -> Option<(Breakdown, Value)> {
    read_level(resource, &Part { field: "breakdown", path: "", object: query }, None, 1, faults)
}

pub(super) fn read_dates(
    resource: &'static Resource,
    query: &Map<String, Value>,
    faults: &mut ValidationErrors,
) -> Option<(DateBreakdown, Value)> {
    let part = Part { field: "date_breakdown", path: "", object: query };
    part.only(&["by", "field", "operator", "interval", "breakdown"], faults);
    let by = part.text("by", faults).map(str::to_owned).and_then(|name| {
        let found = resource.field(&name).filter(|field| field.is_by_date && resource.computes(field));
        if found.is_none() {
            part.fault(faults, "by", format!("{name} is not a date to break {} down by", resource.name));
        }
        found
    });
    let measure = read_measure(resource, &part, faults);
    let interval = part.choice("interval", Interval::NAMES, Some(Interval::Month), faults);
    let inner = read_inner(resource, &part, None, 1, faults);
    let (by, measure, interval, (inner, filled_inner)) = (by?, measure?, interval?, inner?);
    let mut filled = filled(&measure, by);
    filled.insert("interval".into(), json!(name_of(Interval::NAMES, interval)));
    filled.extend(filled_inner.map(|inner| ("breakdown".into(), inner)));
    Some((DateBreakdown { by, measure, interval, inner }, Value::Object(filled)))
}

pub(super) fn read_stats(
    resource: &'static Resource,
    query: &Map<String, Value>,
    faults: &mut ValidationErrors,
) -> Option<(Measure, Value)> {
    let part = Part { field: "stats", path: "", object: query };
    part.only(&["field", "operator"], faults);
    let measure = read_measure(resource, &part, faults)?;
    Some((measure, json!({ "field": measure.field.name, "operator": name_of(Operator::NAMES, measure.operator) })))
}

/// `depth` is 1 for the outermost breakdown, which may hold one more.
fn read_level(
    resource: &'static Resource,
    part: &Part<'_>,
    outer: Option<&'static Field>,
    depth: usize,
    faults: &mut ValidationErrors,
) -> Option<(Breakdown, Value)> {
    part.only(&["by", "field", "operator", "condition", "sort", "limit", "breakdown"], faults);
    let by = read_by(resource, part, outer, faults);
    let measure = read_measure(resource, part, faults);
    let condition = read_condition(part, measure, faults);
    let (sort, sort_name) = read_sort(part, faults);
    let limit = part.limit(DEFAULT_LIMIT, faults);
    let inner = read_inner(resource, part, by, depth + 1, faults);
    let (by, measure, (inner, filled_inner)) = (by?, measure?, inner?);
    let mut filled = filled(&measure, by);
    filled.extend(part.object.get("condition").map(|condition| ("condition".into(), condition.clone())));
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
    part: &Part<'_>,
    by: Option<&'static Field>,
    depth: usize,
    faults: &mut ValidationErrors,
) -> Option<Inner> {
    let Some(value) = part.object.get("breakdown") else { return Some((None, None)) };
    let Value::Object(object) = value else {
        part.fault(faults, "breakdown", "must be an object");
        return None;
    };
    if depth > 2 {
        part.fault(faults, "breakdown", "cannot be nested once more");
        return None;
    }
    let path = format!("{}breakdown.", part.path);
    let (inner, filled) = read_level(resource, &Part { field: part.field, path: &path, object }, by, depth, faults)?;
    Some((Some(Box::new(inner)), Some(filled)))
}

fn read_by(
    resource: &'static Resource,
    part: &Part<'_>,
    outer: Option<&'static Field>,
    faults: &mut ValidationErrors,
) -> Option<&'static Field> {
    let name = part.text("by", faults)?;
    let found = resource.field(name).filter(|field| field.grouping != Grouping::No && resource.computes(field));
    match (found, outer) {
        (None, _) => part.fault(faults, "by", format!("{name} is not a field to break {} down by", resource.name)),
        (Some(by), Some(outer)) if !outer.may_hold(by) => {
            part.fault(faults, "by", format!("{name} cannot be nested in {}", outer.name));
            return None;
        }
        _ => {}
    }
    found
}

fn read_measure(resource: &'static Resource, part: &Part<'_>, faults: &mut ValidationErrors) -> Option<Measure> {
    let field = part.text("field", faults).and_then(|name| {
        let found = resource.field(name).filter(|field| !field.operators.is_empty() && resource.computes(field));
        if found.is_none() {
            part.fault(faults, "field", format!("{name} is not a field to compute of {}", resource.name));
        }
        found
    });
    let operator = part.choice("operator", Operator::NAMES, None, faults);
    let (field, operator) = (field?, operator?);
    if !field.operators.contains(&operator) {
        let names: Vec<_> = field.operators.iter().map(|operator| name_of(Operator::NAMES, *operator)).collect();
        part.fault(faults, "operator", format!("must be one of {} for {}", names.join(", "), field.name));
        return None;
    }
    Some(Measure { field, operator })
}

fn read_condition(part: &Part<'_>, measure: Option<Measure>, faults: &mut ValidationErrors) -> Option<Comparison<f64>> {
    let value = part.object.get("condition")?;
    if measure.is_some_and(|measure| !measure.operator.is_single()) {
        part.fault(faults, "condition", "needs an operator that gives one number");
        return None;
    }
    comparison(value, number).map_err(|message| part.fault(faults, "condition", message)).ok()
}
