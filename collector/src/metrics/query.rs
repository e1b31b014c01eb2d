//! A question that was understood: everything in it is known to the catalogue, and every default is filled in.
//!
//! It names no engine. A printer turns it into a language that some engine speaks.

use serde_json::Value;

use crate::metrics::catalog::{Field, Operator, Resource};
use crate::metrics::cursor::Place;
use crate::metrics::search_query::Words;

/// A question.
#[derive(Debug)]
pub struct Query {
    /// What it is about.
    pub resource: &'static Resource,
    /// What it asks.
    pub kind: Kind,
    /// Which records it is about.
    pub filter: Filter,
    /// The request with its defaults filled in, if the caller wants to see it.
    pub payload: Option<Value>,
}

/// What is asked.
#[derive(Debug)]
pub enum Kind {
    /// A value for each value of a field.
    Breakdown(Breakdown),
    /// A value for each interval of time.
    DateBreakdown(DateBreakdown),
    /// One value.
    Stats(Measure),
    /// The records themselves.
    Search(Search),
    /// What is bought together with all of these items.
    BoughtTogether(Vec<String>),
}

/// What is computed of which field.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// The field.
    pub field: &'static Field,
    /// The computation.
    pub operator: Operator,
}

/// A value for each value of a field.
#[derive(Debug)]
pub struct Breakdown {
    /// The field whose values make the buckets.
    pub by: &'static Field,
    /// What is computed in each.
    pub measure: Measure,
    /// Which buckets are kept.
    pub condition: Option<Comparison<f64>>,
    /// The order of the values.
    pub sort: Sort,
    /// The most buckets.
    pub limit: u32,
    /// What each bucket is broken down into.
    pub inner: Option<Box<Breakdown>>,
}

/// A value for each interval of time.
#[derive(Debug)]
pub struct DateBreakdown {
    /// The date that puts a record into its interval.
    pub by: &'static Field,
    /// What is computed in each.
    pub measure: Measure,
    /// How long the intervals are.
    pub interval: Interval,
    /// What each interval is broken down into.
    pub inner: Option<Box<Breakdown>>,
}

/// The records themselves, a page of them.
#[derive(Debug)]
pub struct Search {
    /// The fields to show.
    pub fields: Vec<&'static Field>,
    /// The most records of a page.
    pub limit: u32,
    /// Which end comes first.
    pub sort: Sort,
    /// The date by which they are sorted.
    pub sort_by: &'static Field,
    /// After which record the page begins.
    pub after: Option<Place>,
}

/// Which end comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// The least.
    Ascending,
    /// The greatest.
    Descending,
}

/// How long an interval is. Weeks begin on Monday.
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
}

/// Which records a query is about. All of it must hold.
#[derive(Debug, Default)]
pub struct Filter {
    /// The time in which a date of the record must lie.
    pub period: Option<Period>,
    /// What else must hold.
    pub conditions: Vec<Condition>,
    /// The words that the record must hold.
    pub words: Option<Words>,
}

/// From a moment to just before another one, in milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Period {
    /// The date that must lie in it.
    pub field: &'static Field,
    /// The first millisecond.
    pub from: i64,
    /// The first millisecond that lies behind it.
    pub until: i64,
}

/// What must hold of a field.
///
/// In an array a positive condition holds if it holds for some element, and all positive conditions on one array must hold for the same
/// one. A negative condition holds if its opposite holds for no element.
#[derive(Debug)]
pub struct Condition {
    /// The field.
    pub field: &'static Field,
    /// What must hold.
    pub test: Test,
}

/// What must hold of a value.
#[derive(Clone, Debug)]
pub enum Test {
    /// It is this; a missing value is false.
    Is(bool),
    /// It is one of these.
    In(Vec<String>),
    /// It is none of these, or missing.
    NotIn(Vec<String>),
    /// It compares so.
    Number(Comparison<f64>),
    /// It compares so, in milliseconds since 1970.
    Moment(Comparison<i64>),
}

impl Test {
    /// Returns the test of which this one is the opposite, if it is a negative one.
    pub fn opposite(&self) -> Option<Self> {
        match self {
            Self::NotIn(values) => Some(Self::In(values.clone())),
            Self::Number(Comparison::Ne(value)) => Some(Self::Number(Comparison::Eq(*value))),
            Self::Moment(Comparison::Ne(value)) => Some(Self::Moment(Comparison::Eq(*value))),
            Self::Is(false) => Some(Self::Is(true)),
            _ => None,
        }
    }
}

/// How a value compares to one or two others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Comparison<T> {
    /// Equal.
    Eq(T),
    /// Not equal, or missing.
    Ne(T),
    /// Between two bounds; a bound that is left out is not tested.
    Between(Option<Bound<T>>, Option<Bound<T>>),
}

/// One end of a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound<T> {
    /// Where it is.
    pub at: T,
    /// Whether the end itself belongs to the range.
    pub inclusive: bool,
}

impl<T: PartialOrd> Comparison<T> {
    /// Whether a value, or the lack of one, compares so.
    pub fn holds(&self, value: Option<T>) -> bool {
        let above = |bound: &Bound<T>, value: &T| if bound.inclusive { *value >= bound.at } else { *value > bound.at };
        let below = |bound: &Bound<T>, value: &T| if bound.inclusive { *value <= bound.at } else { *value < bound.at };
        match (self, value) {
            (Self::Ne(_), None) => true,
            (_, None) => false,
            (Self::Eq(other), Some(value)) => value == *other,
            (Self::Ne(other), Some(value)) => value != *other,
            (Self::Between(low, high), Some(value)) => {
                low.as_ref().is_none_or(|bound| above(bound, &value)) && high.as_ref().is_none_or(|bound| below(bound, &value))
            }
        }
    }
}
