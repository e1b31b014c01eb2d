//! SQL for DuckDB: from a typed query to statements with bound values.
//!
//! No text of a request is ever part of a statement: it is bound. Column names come from the catalog.
//! Amounts are stored as whole millionths, so that sums are exact in whatever order the engine adds them.

mod breakdown;
mod condition;
mod rows;
mod search;

use crate::metrics::catalog::{Family, Field, Kind};
use crate::metrics::query::{self, Query};
use crate::metrics::rows::Scope;

/// The position of the median in [`PERCENTILES`](crate::metrics::rows::PERCENTILES), counted from one.
const MEDIAN: usize = 4;

/// A statement and its bound values.
#[derive(Debug, PartialEq)]
pub struct Statement {
    /// The SQL; `$1` is the first value.
    pub text: String,
    /// The values.
    pub values: Vec<Bound>,
}

/// A bound value.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// A text.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// Any number.
    Number(f64),
    /// A point in time, in milliseconds since 1970.
    Moment(i64),
}

/// Returns the statements of a query, in the order of its result sets.
pub fn statements(query: &Query, scope: &Scope) -> Vec<Statement> {
    match &query.kind {
        query::Kind::Breakdown(breakdown) => vec![breakdown::breakdown(query, scope, breakdown)],
        query::Kind::DateBreakdown(breakdown) => vec![breakdown::dates(query, scope, breakdown)],
        query::Kind::Stats(measure) => vec![breakdown::stats(query, scope, *measure)],
        query::Kind::Search(search) => search::statements(query, scope, search),
        query::Kind::BoughtTogether(items) => vec![search::bought_together(query, scope, items)],
    }
}

/// Returns the name of a table, in quotes: the family's, with the array's behind it.
pub(crate) fn table(family: Family, array: Option<&str>) -> String {
    let family = match family {
        Family::Orders => "orders",
        Family::Returns => "returns",
    };
    array.map_or_else(|| format!("\"{family}\""), |array| format!("\"{family}.{array}\""))
}

/// A statement in the making: it hands out the places of bound values.
struct SqlBuilder<'a> {
    query: &'a Query,
    scope: &'a Scope,
    values: Vec<Bound>,
}

impl<'a> SqlBuilder<'a> {
    fn new(query: &'a Query, scope: &'a Scope) -> Self {
        Self { query, scope, values: Vec::new() }
    }

    /// Texts and fractions are bound. Whole numbers and moments are written out: the engine then knows them when it chooses which parts
    /// of a table to read, and a number can say nothing else.
    fn bind(&mut self, value: Bound) -> String {
        match value {
            Bound::Whole(number) => return format!("CAST({number} AS BIGINT)"),
            Bound::Moment(millis) => return format!("make_timestamp({})", millis.saturating_mul(1000)),
            Bound::Text(_) | Bound::Number(_) => {}
        }
        self.values.push(value);
        format!("${}", self.values.len())
    }

    fn bind_all<'t>(&mut self, texts: impl IntoIterator<Item = &'t String>) -> String {
        let places: Vec<_> = texts.into_iter().map(|text| self.bind(Bound::Text(text.clone()))).collect();
        places.join(", ")
    }

    fn family(&self) -> Family {
        self.query.resource.family
    }

    fn finish(self, text: String) -> Statement {
        Statement { text, values: self.values }
    }

    /// Returns the expression for a field's value. Documents are called `d`, elements of an array by its place in the catalogue.
    fn value(&mut self, field: &Field) -> String {
        match field.kind {
            Kind::Organization => {
                let organization = self.scope.organization.to_owned();
                format!("CAST({} AS VARCHAR)", self.bind(Bound::Text(organization)))
            }
            _ => column(&field.array().map_or_else(|| "d".into(), alias), field),
        }
    }
}

fn column(alias: &str, field: &Field) -> String {
    format!("{alias}.\"{}\"", field.name)
}

fn alias(array: &str) -> String {
    array.replace('.', "_")
}

fn is_scaled(field: &Field) -> bool {
    matches!(field.kind, Kind::Amount | Kind::Number)
}
