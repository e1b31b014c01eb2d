//! Parses the body of a request into a [`Query`], or returns all its errors.
//!
//! Parsing is pure: the caller passes the time and the organization. It continues after an error, so that a client gets all errors at once.

mod breakdown;
mod context;
mod errors;
mod filter;
mod search;
mod values;

use serde_json::{Map, Value, json};

pub use context::{ATTRIBUTION_DAYS, Context, MAX_RANGE_DAYS};
pub use errors::{QueryError, ValidationError, ValidationErrors};

use crate::metrics::catalog::{Field, Resource};
use crate::metrics::query::{Filter, Query, QueryKind};

/// The kinds of query, as the request path names them.
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
    /// `analysis/fbt`: frequently bought together. Its request has only a filter.
    BoughtTogether,
}

impl QueryType {
    /// Returns its name in requests and responses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Breakdown => "breakdown",
            Self::DateBreakdown => "date_breakdown",
            Self::Stats => "stats",
            Self::Search => "search",
            Self::BoughtTogether => "fbt",
        }
    }

    /// The queries of every resource.
    const OF_RESOURCES: [Self; 4] = [Self::Breakdown, Self::DateBreakdown, Self::Stats, Self::Search];

    /// Returns the names of the queries of every resource.
    pub fn names() -> Vec<&'static str> {
        Self::OF_RESOURCES.map(Self::name).to_vec()
    }

    /// Returns the query of a resource with this name in the request path.
    pub fn find(name: &str) -> Option<Self> {
        Self::OF_RESOURCES.into_iter().find(|kind| kind.name() == name)
    }
}

/// Parses the body of a request.
pub fn parse(resource: &'static Resource, kind: QueryType, body: &Value, context: Context<'_>) -> Result<Query, QueryError> {
    let parts = first_level(kind, body)?;
    let mut errors = ValidationErrors::default();
    let wants_payload = parts.get("meta").is_some_and(|meta| wants_payload(meta, &mut errors));
    let (filter, filled_filter, items) = read_filter(resource, kind, parts.get("filter"), context, &mut errors);
    let read = match (kind, parts.get(kind.name())) {
        (QueryType::BoughtTogether, _) => items.map(|items| (QueryKind::BoughtTogether(items), None)),
        (_, Some(Value::Object(query))) => {
            read_kind(resource, kind, query, context, &mut errors).map(|(kind, filled)| (kind, Some(filled)))
        }
        _ => {
            errors.add("query", kind.name(), "must be an object");
            None
        }
    };
    match read {
        Some((read, filled)) if errors.is_empty() => {
            let payload = wants_payload.then(|| match filled {
                Some(filled) => json!({ kind.name(): filled, "filter": filled_filter }),
                None => json!({ "filter": filled_filter }),
            });
            Ok(Query { resource, kind: read, filter, attribution_days: context.attribution_days, now: context.now, payload })
        }
        _ => Err(QueryError::Unprocessable(errors)),
    }
}

/// Returns the error of a query that would add amounts of several currencies.
pub fn several_currencies(query: &Query, currency: &Field) -> QueryError {
    let mut errors = ValidationErrors::default();
    let message = format!("would be added over several currencies: filter by one {0}, or group by {0}", currency.name);
    errors.add(query.kind.type_name(), "field", message);
    QueryError::Unprocessable(errors)
}

/// Validates the first level of the body. Errors here result in 400; errors in deeper levels, in 422.
fn first_level(kind: QueryType, body: &Value) -> Result<&Map<String, Value>, QueryError> {
    let mut errors = ValidationErrors::default();
    let required = if kind == QueryType::BoughtTogether { "filter" } else { kind.name() };
    let Value::Object(parts) = body else {
        errors.add("body", required, "the body must be an object");
        return Err(QueryError::BadRequest(errors));
    };
    if !parts.contains_key(required) {
        errors.add("body", required, "is missing");
    }
    for name in parts.keys().filter(|name| ![required, "filter", "meta"].contains(&name.as_str())) {
        errors.add("body", name, "is not supported");
    }
    if errors.is_empty() { Ok(parts) } else { Err(QueryError::BadRequest(errors)) }
}

fn wants_payload(meta: &Value, errors: &mut ValidationErrors) -> bool {
    let Value::Object(options) = meta else {
        errors.add("meta", "payload", "meta must be an object");
        return false;
    };
    for name in options.keys().filter(|name| *name != "payload") {
        errors.add("meta", name, "is not supported");
    }
    match options.get("payload") {
        None => false,
        Some(Value::Bool(wants)) => *wants,
        Some(_) => {
            errors.add("meta", "payload", "must be true or false");
            false
        }
    }
}

fn read_kind(
    resource: &'static Resource,
    kind: QueryType,
    query: &Map<String, Value>,
    context: Context<'_>,
    errors: &mut ValidationErrors,
) -> Option<(QueryKind, Value)> {
    match kind {
        QueryType::Breakdown => breakdown::read(resource, query, errors).map(|(read, filled)| (QueryKind::Breakdown(read), filled)),
        QueryType::DateBreakdown => {
            breakdown::read_dates(resource, query, errors).map(|(read, filled)| (QueryKind::DateBreakdown(read), filled))
        }
        QueryType::Stats => breakdown::read_stats(resource, query, errors).map(|(read, filled)| (QueryKind::Stats(read), filled)),
        QueryType::Search => search::read(resource, query, context, errors).map(|(read, filled)| (QueryKind::Search(read), filled)),
        QueryType::BoughtTogether => None,
    }
}

/// Returns the parsed filter, the filter with its defaults filled in, and the items of a "bought together" query.
fn read_filter(
    resource: &'static Resource,
    kind: QueryType,
    filter: Option<&Value>,
    context: Context<'_>,
    errors: &mut ValidationErrors,
) -> (Filter, Value, Option<Vec<String>>) {
    let mut filled = filter.cloned().unwrap_or_else(|| json!({}));
    let together = kind == QueryType::BoughtTogether;
    let items = together.then(|| filter::take_items(&mut filled, errors)).flatten();
    let mut read = Filter::default();
    // A "bought together" filter may contain nothing but the item ids, which are removed by now.
    if filter.is_some_and(|filter| *filter == filled || filled.as_object().is_none_or(|filled| !filled.is_empty())) {
        read = filter::read(resource, &filled, errors);
    }
    match filter::read_period(resource, &filled, context, errors) {
        Some(period) if period.is_given || !together => {
            filter::fill_period(&mut filled, resource, &period);
            read.period = Some(period.period);
        }
        _ => {}
    }
    let filled = if together { filter.cloned().unwrap_or_default() } else { filled };
    (read, filled, items)
}
