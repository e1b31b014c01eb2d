//! Parses filters: conditions on fields, the period and the free-text search.

use serde_json::{Map, Value, json};

use crate::metrics::catalog::{Field, FieldType, FilterKind, Resource};
use crate::metrics::parse::context::Context;
use crate::metrics::parse::errors::ValidationErrors;
use crate::metrics::parse::values::{comparison, instant, integer_or_string, list, number, single, string, time_zone};
use crate::metrics::query::{Condition, Filter, Period, Predicate};
use crate::metrics::search_query;
use crate::time;

/// The length of the default period.
const DEFAULT_DAYS: i64 = 30;
/// The attributes of the period.
const PERIOD_ATTRIBUTES: [&str; 4] = ["date_from", "date_to", "date_field", "time_zone"];

/// Parses all conditions except the period.
pub(super) fn read(resource: &'static Resource, filter: &Value, errors: &mut ValidationErrors) -> Filter {
    let mut read = Filter::default();
    match filter {
        Value::Object(groups) if groups.is_empty() => errors.add("filter", "filter", "must not be empty"),
        Value::Object(groups) => {
            for (group, attributes) in groups {
                read_group(resource, group, attributes, &mut read, errors);
            }
        }
        _ => errors.add("filter", "filter", "must be an object"),
    }
    read
}

fn read_group(resource: &'static Resource, group: &str, attributes: &Value, read: &mut Filter, errors: &mut ValidationErrors) {
    if !resource.has_group(group) {
        return errors.add("filter", group, format!("is not a field to filter {} by", resource.name));
    }
    let attributes = match attributes {
        Value::Object(attributes) if !attributes.is_empty() => attributes,
        Value::Object(_) => return errors.add("filter", group, "must not be empty"),
        _ => return errors.add("filter", group, "must be an object"),
    };
    for (name, value) in attributes {
        let inner = format!("{group}.{name}");
        if let Some(field) = resource.filter(group, name) {
            if let Err(message) = read_predicate(field, value, read) {
                errors.add(group, name, message);
            }
        } else if resource.has_group(&inner) {
            read_group(resource, &inner, value, read, errors);
        } else if !(group == resource.main && PERIOD_ATTRIBUTES.contains(&name.as_str())) {
            errors.add(group, name, format!("is not an attribute to filter {} by", resource.name));
        }
    }
}

fn read_predicate(field: &'static Field, value: &Value, read: &mut Filter) -> Result<(), String> {
    let among = |choices: &[&str], values: &[String]| match values.iter().find(|value| !choices.contains(&value.as_str())) {
        Some(_) => Err(format!("must be among {}", choices.join(", "))),
        None => Ok(()),
    };
    let listed = |(is_in, values)| if is_in { Predicate::In(values) } else { Predicate::NotIn(values) };
    let predicate = match (field.filter_kind, field.kind, value) {
        (FilterKind::Query, ..) => {
            read.search = Some(read_search_query(value)?);
            return Ok(());
        }
        (FilterKind::Choice(choices), _, Value::String(text)) => {
            among(choices, std::slice::from_ref(text))?;
            choice_predicate(choices, true, std::slice::from_ref(text))
        }
        (FilterKind::Choice(choices), ..) => {
            let (is_in, values) = list(value, string)?;
            among(choices, &values)?;
            choice_predicate(choices, is_in, &values)
        }
        (FilterKind::Among(choices), ..) => {
            let values = list(value, string)?;
            among(choices, &values.1)?;
            listed(values)
        }
        (FilterKind::Numbers, ..) => listed(list(value, integer_or_string)?),
        (FilterKind::ByType, FieldType::Bool, Value::Bool(is)) => Predicate::Is(*is),
        (FilterKind::ByType, FieldType::Bool, _) => return Err("must be true or false".into()),
        (FilterKind::ByType, FieldType::Text | FieldType::Texts | FieldType::Organization, _) => listed(list(value, string)?),
        (FilterKind::ByType, FieldType::Integer | FieldType::Number | FieldType::Amount, _) => {
            Predicate::Number(comparison(value, number)?)
        }
        (FilterKind::ByType, FieldType::Timestamp, _) => Predicate::Timestamp(comparison(value, instant)?),
    };
    read.conditions.push(Condition { field, predicate });
    Ok(())
}

/// Returns the predicate for a choice. A missing value counts as the first choice.
fn choice_predicate(choices: &[&str], is_in: bool, values: &[String]) -> Predicate {
    let is_wanted = |choice: &&str| values.iter().any(|value| value == choice) == is_in;
    let (wanted, rest): (Vec<&str>, Vec<&str>) = choices.iter().copied().partition(is_wanted);
    let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect();
    if wanted.first() == choices.first() { Predicate::NotIn(owned(rest)) } else { Predicate::In(owned(wanted)) }
}

fn read_search_query(value: &Value) -> Result<search_query::SearchExpr, String> {
    match single(value)? {
        ("query", Value::String(query)) => search_query::parse(query).map_err(|message| format!("query {message}")),
        ("query", _) => Err("query must be a string".into()),
        (name, _) => Err(format!("{name} is not supported; use query")),
    }
}

/// The period of a filter, and the dates that it was parsed from.
pub(super) struct Dates {
    pub(super) period: Period,
    pub(super) is_given: bool,
    from: time::ParsedTime,
    to: time::ParsedTime,
}

/// Parses the period; without dates it is the last 30 days. Returns `None` if the dates are not valid.
pub(super) fn read_period(
    resource: &'static Resource,
    filter: &Value,
    context: Context<'_>,
    errors: &mut ValidationErrors,
) -> Option<Dates> {
    let group = resource.main;
    let dates = filter.get(group).and_then(Value::as_object);
    let get = |name: &str| dates.and_then(|dates| dates.get(name));
    let field = read_field(resource, get("date_field"), errors);
    let zone = match get("time_zone").map(time_zone) {
        Some(Err(message)) => return invalid_dates(errors, group, "time_zone", message),
        Some(Ok(zone)) => Some(zone),
        None => None,
    };
    // A time that clocks of the zone show. If they are put back at midnight, the last hour of the day occurs twice.
    let start = |local: time::ParsedTime| zone.as_ref().map_or(local.millis, |zone| zone.instant(local.millis));
    let end = |local: time::ParsedTime| zone.as_ref().map_or(local.millis, |zone| zone.last_instant(local.millis, unit(local)));
    let mut read = |name, instant: &dyn Fn(time::ParsedTime) -> i64| {
        let value = get(name)?;
        let without_offset = |text: &str| {
            let local = time::parse_rfc3339(&format!("{text}Z"))?;
            Some(time::ParsedTime { millis: instant(local), ..local })
        };
        let read = value.as_str().and_then(|text| time::parse_rfc3339(text).or_else(|| without_offset(text)));
        if read.is_none() {
            errors.add(group, name, "must be a date and time in ISO 8601, like 2022-06-27T06:01:32Z");
        }
        Some(read)
    };
    let (from, to) = match (read("date_from", &start), read("date_to", &end)) {
        (Some(from), Some(to)) => (from?, to?),
        (None, None) => {
            let today = time::start_of_day(zone.as_ref().map_or(context.now, |zone| zone.local(context.now)));
            let whole = |millis| time::ParsedTime { millis, has_fraction: false };
            let (first, last) = (whole(today - DEFAULT_DAYS * time::DAY_MS), whole(today + time::DAY_MS - time::SECOND_MS));
            (whole(start(first)), whole(end(last)))
        }
        (Some(_), None) => return invalid_dates(errors, group, "date_to", "is missing: give both dates or none"),
        (None, Some(_)) => return invalid_dates(errors, group, "date_from", "is missing: give both dates or none"),
    };
    let until = to.millis + unit(to);
    if from.millis >= until {
        return invalid_dates(errors, group, "date_from", "must not be after date_to");
    }
    if (time::start_of_day(to.millis) - time::start_of_day(from.millis)) / time::DAY_MS > context.max_range_days {
        return invalid_dates(errors, group, "date_to", &format!("must not be more than {} days after date_from", context.max_range_days));
    }
    let period = Period { field: field?, from: from.millis, until };
    Some(Dates { period, is_given: get("date_from").is_some(), from, to })
}

/// Returns how many milliseconds a time stands for: one without a fraction includes the whole second.
fn unit(time: time::ParsedTime) -> i64 {
    if time.has_fraction { 1 } else { time::SECOND_MS }
}

fn invalid_dates(errors: &mut ValidationErrors, group: &str, name: &str, message: &str) -> Option<Dates> {
    errors.add(group, name, message);
    None
}

fn read_field(resource: &'static Resource, name: Option<&Value>, errors: &mut ValidationErrors) -> Option<&'static Field> {
    let Some(name) = name else { return resource.field(resource.default_date) };
    let found = name.as_str().and_then(|name| resource.field(&format!("{}.{name}", resource.main))).filter(|field| field.is_date_filter);
    if found.is_none() {
        let names: Vec<_> = resource.fields.iter().filter(|field| field.is_date_filter).map(|field| field.attribute()).collect();
        errors.add(resource.main, "date_field", format!("must be one of {}", names.join(", ")));
    }
    found
}

/// Writes the dates of the period into the filter.
pub(super) fn fill_period(filter: &mut Value, resource: &Resource, dates: &Dates) {
    let Value::Object(groups) = filter else { return };
    if let Value::Object(group) = groups.entry(resource.main).or_insert_with(|| json!({})) {
        for (name, value) in [("date_from", dates.from), ("date_to", dates.to)] {
            // A fraction stays: without it the end would include its whole second.
            let format = if value.has_fraction { time::format_rfc3339_millis } else { time::format_rfc3339_secs };
            group.insert(name.into(), json!(format(value.millis)));
        }
        group.insert("date_field".into(), json!(dates.period.field.attribute()));
    }
}

/// Removes the item ids of a "bought together" query from the filter, with objects that become empty. Returns the ids.
pub(super) fn take_items(filter: &mut Value, errors: &mut ValidationErrors) -> Option<Vec<String>> {
    let lines = filter.get_mut("line_items").and_then(Value::as_object_mut);
    let read = match lines.and_then(|lines| lines.remove("item_ids")) {
        None => Err("is missing".to_owned()),
        Some(value) => list(&value, string),
    };
    if let Value::Object(groups) = filter
        && groups.get("line_items").and_then(Value::as_object).is_some_and(Map::is_empty)
    {
        groups.remove("line_items");
    }
    let message = match read {
        Ok((true, items)) => return Some(items),
        Ok((false, _)) => "must be a list of ids under in".into(),
        Err(message) => message,
    };
    errors.add("line_items", "item_ids", message);
    None
}
