//! The printer for DuckDB.
//!
//! | asked | statements | columns of their rows |
//! |---|---|---|
//! | breakdowns, stats | one | level, id, parent, label, count, sum, least, greatest, percentiles |
//! | search | two | the count; then record, date, id |
//! | bought together | one | item, count, type, name |
//!
//! Amounts are kept as whole millionths, so that sums are exact in whatever order they are made.

mod bucket;
mod condition;
mod rows;
mod search;

use crate::metrics::catalog::{Family, Field, Kind};
use crate::metrics::query::{self, Query};
use crate::metrics::sql::{Bound, Scope, Statement};

/// The percentiles that are computed.
pub const PERCENTILES: [(&str, &str); 7] =
    [("1.0", "0.01"), ("5.0", "0.05"), ("25.0", "0.25"), ("50.0", "0.5"), ("75.0", "0.75"), ("95.0", "0.95"), ("99.0", "0.99")];

/// The place of the median among them, counted from one.
const MEDIAN: usize = 4;

/// Prints a query.
pub fn print(query: &Query, scope: Scope<'_>) -> Vec<Statement> {
    match &query.kind {
        query::Kind::Breakdown(breakdown) => vec![bucket::breakdown(query, scope, breakdown)],
        query::Kind::DateBreakdown(breakdown) => vec![bucket::dates(query, scope, breakdown)],
        query::Kind::Stats(measure) => vec![bucket::stats(query, scope, *measure)],
        query::Kind::Search(search) => search::print(query, scope, search),
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
struct Printer<'a> {
    query: &'a Query,
    scope: Scope<'a>,
    values: Vec<Bound>,
}

impl<'a> Printer<'a> {
    fn new(query: &'a Query, scope: Scope<'a>) -> Self {
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
