//! From a request's body to a [`Query`], or to everything that is wrong with it.
//!
//! Pure: the time and the organization are given. A request is read to its end even after a fault, so that its author hears of all of them
//! at once.

mod breakdown;
mod errors;
mod filter;
mod search;
mod values;

use serde_json::{Map, Value, json};

pub use errors::{QueryError, ValidationError, ValidationErrors};

use crate::metrics::catalog::Resource;
use crate::metrics::query::{Filter, Query, QueryKind};

/// What a request does not say itself.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Whose records are asked about.
    pub organization: &'a str,
    /// The time now, in milliseconds since 1970.
    pub now: i64,
    /// The most days that the date filter may cover.
    pub max_range_days: i64,
}

/// The most days that the date filter may cover, unless an operator says otherwise: five years and a day.
pub const MAX_RANGE_DAYS: i64 = 5 * 365 + 2 + 1;

/// The kinds of query, as they are written in addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryType {
    /// `breakdown`
    Breakdown,
    /// `date_breakdown`
    DateBreakdown,
    /// `stats`
    Stats,
    /// `search`
    Search,
    /// `analysis/fbt`, which is asked with a filter alone.
    BoughtTogether,
}

impl QueryType {
    /// Returns its name in requests and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Breakdown => "breakdown",
            Self::DateBreakdown => "date_breakdown",
            Self::Stats => "stats",
            Self::Search => "search",
            Self::BoughtTogether => "fbt",
        }
    }

    /// Returns the query that is asked of a resource under this name.
    pub fn find(name: &str) -> Option<Self> {
        [Self::Breakdown, Self::DateBreakdown, Self::Stats, Self::Search].into_iter().find(|kind| kind.name() == name)
    }
}

/// Reads a request's body.
pub fn parse(resource: &'static Resource, kind: QueryType, body: &Value, context: Context<'_>) -> Result<Query, QueryError> {
    let parts = first_level(kind, body)?;
    let mut faults = ValidationErrors::default();
    let wants_payload = parts.get("meta").is_some_and(|meta| wants_payload(meta, &mut faults));
    let (filter, filled_filter, items) = read_filter(resource, kind, parts.get("filter"), context, &mut faults);
    let read = match (kind, parts.get(kind.name())) {
        (QueryType::BoughtTogether, _) => items.map(|items| (QueryKind::BoughtTogether(items), None)),
        (_, Some(Value::Object(query))) => {
            read_kind(resource, kind, query, context, &mut faults).map(|(kind, filled)| (kind, Some(filled)))
        }
        _ => {
            faults.add("query", kind.name(), "must be an object");
            None
        }
    };
    match read {
        Some((read, filled)) if faults.is_empty() => {
            let payload = wants_payload.then(|| match filled {
                Some(filled) => json!({ kind.name(): filled, "filter": filled_filter }),
                None => json!({ "filter": filled_filter }),
            });
            Ok(Query { resource, kind: read, filter, payload })
        }
        _ => Err(QueryError::Unprocessable(faults)),
    }
}

/// What is wrong here is answered 400; what is wrong deeper down, 422.
fn first_level(kind: QueryType, body: &Value) -> Result<&Map<String, Value>, QueryError> {
    let mut faults = ValidationErrors::default();
    let needed = if kind == QueryType::BoughtTogether { "filter" } else { kind.name() };
    let Value::Object(parts) = body else {
        faults.add("body", needed, "the body must be an object");
        return Err(QueryError::BadRequest(faults));
    };
    if !parts.contains_key(needed) {
        faults.add("body", needed, "is missing");
    }
    for name in parts.keys().filter(|name| ![needed, "filter", "meta"].contains(&name.as_str())) {
        faults.add("body", name, "is not supported");
    }
    if faults.is_empty() { Ok(parts) } else { Err(QueryError::BadRequest(faults)) }
}

fn wants_payload(meta: &Value, faults: &mut ValidationErrors) -> bool {
    let Value::Object(options) = meta else {
        faults.add("meta", "payload", "meta must be an object");
        return false;
    };
    for name in options.keys().filter(|name| *name != "payload") {
        faults.add("meta", name, "is not supported");
    }
    match options.get("payload") {
        None => false,
        Some(Value::Bool(wants)) => *wants,
        Some(_) => {
            faults.add("meta", "payload", "must be true or false");
            false
        }
    }
}

fn read_kind(
    resource: &'static Resource,
    kind: QueryType,
    query: &Map<String, Value>,
    context: Context<'_>,
    faults: &mut ValidationErrors,
) -> Option<(QueryKind, Value)> {
    match kind {
        QueryType::Breakdown => breakdown::read(resource, query, faults).map(|(read, filled)| (QueryKind::Breakdown(read), filled)),
        QueryType::DateBreakdown => {
            breakdown::read_dates(resource, query, faults).map(|(read, filled)| (QueryKind::DateBreakdown(read), filled))
        }
        QueryType::Stats => breakdown::read_stats(resource, query, faults).map(|(read, filled)| (QueryKind::Stats(read), filled)),
        QueryType::Search => search::read(resource, query, context, faults).map(|(read, filled)| (QueryKind::Search(read), filled)),
        QueryType::BoughtTogether => None,
    }
}

/// Returns the filter, the filter as it was understood, and the items whose company is asked for.
fn read_filter(
    resource: &'static Resource,
    kind: QueryType,
    filter: Option<&Value>,
    context: Context<'_>,
    faults: &mut ValidationErrors,
) -> (Filter, Value, Option<Vec<String>>) {
    let mut filled = filter.cloned().unwrap_or_else(|| json!({}));
    let together = kind == QueryType::BoughtTogether;
    let items = together.then(|| filter::take_items(&mut filled, faults)).flatten();
    let mut read = Filter::default();
    // The ids that were taken may have been all there was.
    if filter.is_some_and(|filter| *filter == filled || filled.as_object().is_none_or(|filled| !filled.is_empty())) {
        read = filter::read(resource, &filled, faults);
    }
    match filter::read_period(resource, &filled, context, faults) {
        Some(period) if period.is_given || !together => {
            filter::fill_period(&mut filled, resource, &period);
            read.period = Some(period.period);
        }
        _ => {}
    }
    let filled = if together { filter.cloned().unwrap_or_default() } else { filled };
    (read, filled, items)
}
