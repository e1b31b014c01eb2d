//! A validated query: every field comes from the catalog, and every default is filled in.
//!
//! It is independent of the analytics engine, which turns it into its own language.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::metrics::catalog::{Field, Operator, Resource};
use crate::metrics::search_query::SearchExpr;
use crate::metrics::time_zone::Zone;
use crate::time::DAY_MS;

/// A query of the metrics API.
#[derive(Debug)]
pub struct Query {
    /// The resource.
    pub resource: &'static Resource,
    /// The kind of query, with its parameters.
    pub kind: QueryKind,
    /// The records that the query covers.
    pub filter: Filter,
    /// How long before an order a touch can lead to it, in days.
    pub attribution_days: u32,
    /// The current time, in milliseconds since 1970.
    pub now: i64,
    /// The request with its defaults filled in, if the caller asked for it.
    pub payload: Option<Value>,
}

/// A kind of query with its parameters.
#[derive(Debug)]
pub enum QueryKind {
    /// A value for each value of a field.
    Breakdown(Breakdown),
    /// A value for each interval of time.
    DateBreakdown(DateBreakdown),
    /// One value.
    Stats(Measure),
    /// The records themselves.
    Search(Search),
    /// Items that are frequently bought together with all of these.
    BoughtTogether(Vec<String>),
}

impl Query {
    /// Returns every field that the query uses.
    pub fn fields(&self) -> Vec<&'static Field> {
        let mut fields: Vec<_> = self.kind.measures().into_iter().map(|measure| measure.field).chain(self.kind.groups()).collect();
        if let QueryKind::Search(search) = &self.kind {
            fields.extend(search.fields.iter().copied().chain([search.sort_by]));
            fields.extend(self.resource.field(self.resource.id));
        }
        fields.extend(self.filter.conditions.iter().map(|condition| condition.field));
        fields.extend(self.filter.period.map(|period| period.field));
        fields.extend(self.kind.measures().into_iter().filter_map(|measure| self.resource.currency_of(measure.field)));
        fields
    }

    /// Returns the fields that a search shows and that are not part of a stored document.
    pub fn computed_fields(&self, search: &Search) -> Vec<&'static Field> {
        let is_computed = |field: &&'static Field| field.is_derived || !self.resource.record_kind.has_documents();
        search.fields.iter().copied().filter(is_computed).collect()
    }

    /// Returns the currency of the amounts that the query adds, unless it filters by one currency or groups by it at the same level or further
    /// out.
    pub fn currency_to_check(&self) -> Option<&'static Field> {
        let is_count = |operator| matches!(operator, Operator::ValueCount | Operator::Cardinality);
        let groups = self.kind.groups();
        // Within a group of one currency there is no other. A group that is nested deeper does not help.
        let adds_several = |depth: usize, currency: &Field| !groups.iter().take(depth + 1).any(|group| group.name == currency.name);
        let currency = self.kind.measures().into_iter().enumerate().find_map(|(depth, Measure { field, operator })| {
            self.resource.currency_of(field).filter(|currency| !is_count(operator) && adds_several(depth, currency))
        })?;
        let is_filtered = self.filter.conditions.iter().any(|condition| {
            condition.field.name == currency.name && matches!(&condition.predicate, Predicate::In(codes) if codes.len() == 1)
        });
        (!is_filtered).then_some(currency)
    }
}

impl QueryKind {
    /// Returns the name of the part of a request that has the query.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Breakdown(_) => "breakdown",
            Self::DateBreakdown(_) => "date_breakdown",
            Self::Stats(_) => "stats",
            Self::Search(_) => "search",
            Self::BoughtTogether(_) => "fbt",
        }
    }

    /// Returns the aggregates, from the outermost one.
    pub fn measures(&self) -> Vec<Measure> {
        let (first, inner) = match self {
            Self::Breakdown(breakdown) => (None, Some(breakdown)),
            Self::DateBreakdown(dates) => (Some(dates.measure), dates.inner.as_deref()),
            Self::Stats(measure) => (Some(*measure), None),
            Self::Search(_) | Self::BoughtTogether(_) => (None, None),
        };
        let inner = std::iter::successors(inner, |breakdown| breakdown.inner.as_deref());
        first.into_iter().chain(inner.map(|breakdown| breakdown.measure)).collect()
    }

    /// Returns the fields of the groups, from the outermost one.
    pub fn groups(&self) -> Vec<&'static Field> {
        let (first, inner) = match self {
            Self::Breakdown(breakdown) => (None, Some(breakdown)),
            Self::DateBreakdown(dates) => (Some(dates.by), dates.inner.as_deref()),
            Self::Stats(_) | Self::Search(_) | Self::BoughtTogether(_) => (None, None),
        };
        let inner = std::iter::successors(inner, |breakdown| breakdown.inner.as_deref());
        first.into_iter().chain(inner.map(|breakdown| breakdown.by)).collect()
    }
}

/// An aggregate: an operator on a field.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// The field.
    pub field: &'static Field,
    /// The operator.
    pub operator: Operator,
}

/// A value for each value of a field.
#[derive(Debug)]
pub struct Breakdown {
    /// The field whose values are the buckets.
    pub by: &'static Field,
    /// The aggregate of each bucket.
    pub measure: Measure,
    /// The condition that buckets must meet.
    pub condition: Option<Comparison<f64>>,
    /// The order of the values.
    pub sort: Sort,
    /// The maximum number of buckets.
    pub limit: u32,
    /// The breakdown of each bucket.
    pub inner: Option<Box<Breakdown>>,
}

/// A value for each interval of time.
#[derive(Debug)]
pub struct DateBreakdown {
    /// The date field that selects the interval of a record.
    pub by: &'static Field,
    /// The aggregate of each bucket.
    pub measure: Measure,
    /// The length of an interval.
    pub interval: Interval,
    /// The time zone in which intervals begin; `None` for UTC.
    pub zone: Option<Zone>,
    /// The breakdown of each interval.
    pub inner: Option<Box<Breakdown>>,
}

/// One page of records.
#[derive(Debug)]
pub struct Search {
    /// The fields to show.
    pub fields: Vec<&'static Field>,
    /// The maximum number of records of a page.
    pub limit: u32,
    /// The sort direction.
    pub sort: Sort,
    /// The date field to sort by.
    pub sort_by: &'static Field,
    /// The position after which the page starts.
    pub after: Option<SearchPosition>,
}

/// The position after a record in a sorted search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchPosition {
    /// The record's date, in milliseconds since 1970, if it has one.
    #[serde(rename = "d")]
    pub date: Option<i64>,
    /// The record's id.
    #[serde(rename = "i")]
    pub id: String,
}

/// A sort direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// The length of an interval. Weeks begin on Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A week.
    Week,
    /// A month.
    Month,
    /// A year.
    Year,
}

impl Interval {
    /// Every interval with its name in requests.
    pub const NAMES: &[(&str, Self)] =
        &[("hour", Self::Hour), ("day", Self::Day), ("week", Self::Week), ("month", Self::Month), ("year", Self::Year)];

    /// Returns the length of the shortest such interval, in milliseconds.
    pub fn least_millis(self) -> i64 {
        match self {
            Self::Hour => DAY_MS / 24,
            Self::Day => DAY_MS,
            Self::Week => 7 * DAY_MS,
            Self::Month => 28 * DAY_MS,
            Self::Year => 365 * DAY_MS,
        }
    }
}

/// The conditions on records; all must hold.
#[derive(Debug, Default)]
pub struct Filter {
    /// The period in which a date of the record must be.
    pub period: Option<Period>,
    /// Conditions on fields.
    pub conditions: Vec<Condition>,
    /// The free-text search.
    pub search: Option<SearchExpr>,
}

/// A half-open period, in milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Period {
    /// The date field.
    pub field: &'static Field,
    /// The first millisecond.
    pub from: i64,
    /// The first millisecond after it.
    pub until: i64,
}

/// A condition on a field.
///
/// In an array, all positive conditions must hold for the same element. A negative condition holds if its opposite holds for no element.
#[derive(Debug)]
pub struct Condition {
    /// The field.
    pub field: &'static Field,
    /// The predicate on its value.
    pub predicate: Predicate,
}

/// A predicate on a value.
#[derive(Clone, Debug)]
pub enum Predicate {
    /// Equal to this; a missing value is false.
    Is(bool),
    /// One of these.
    In(Vec<String>),
    /// None of these, or missing.
    NotIn(Vec<String>),
    /// A comparison of numbers.
    Number(Comparison<f64>),
    /// A comparison of times, in milliseconds since 1970.
    Timestamp(Comparison<i64>),
}

impl Predicate {
    /// Returns the positive predicate that a negative one negates; `None` for a positive one.
    pub fn opposite(&self) -> Option<Self> {
        match self {
            Self::NotIn(values) => Some(Self::In(values.clone())),
            Self::Number(Comparison::Ne(value)) => Some(Self::Number(Comparison::Eq(*value))),
            Self::Timestamp(Comparison::Ne(value)) => Some(Self::Timestamp(Comparison::Eq(*value))),
            Self::Is(false) => Some(Self::Is(true)),
            _ => None,
        }
    }
}

/// A comparison with one or two values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Comparison<T> {
    /// Equal.
    Eq(T),
    /// Not equal, or missing.
    Ne(T),
    /// Between two bounds; `None` is no bound.
    Between(Option<Bound<T>>, Option<Bound<T>>),
}

/// One end of a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound<T> {
    /// The value.
    pub at: T,
    /// Whether the value itself belongs to the range.
    pub inclusive: bool,
}
