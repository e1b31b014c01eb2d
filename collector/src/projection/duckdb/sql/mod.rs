//! SQL for DuckDB: from a typed query to statements with bound values.
//!
//! No text of a request is ever part of a statement: it is bound. Column names come from the catalog.
//! Amounts are stored as whole millionths, so that sums are exact in whatever order the engine adds them.

mod breakdown;
mod condition;
mod rows;
mod search;

use crate::metrics::catalog::{Field, FieldType, RecordKind};
use crate::metrics::query::{Query, QueryKind};
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
    /// A string.
    Text(String),
    /// An integer.
    Integer(i64),
    /// A floating-point number.
    Number(f64),
    /// A time, in milliseconds since 1970.
    Timestamp(i64),
}

/// Returns the statements of a query, in the order of its result sets.
pub fn statements(query: &Query, scope: &Scope) -> Vec<Statement> {
    match &query.kind {
        QueryKind::Breakdown(breakdown) => vec![breakdown::breakdown(query, scope, breakdown)],
        QueryKind::DateBreakdown(breakdown) => vec![breakdown::dates(query, scope, breakdown)],
        QueryKind::Stats(measure) => vec![breakdown::stats(query, scope, *measure)],
        QueryKind::Search(search) => search::statements(query, scope, search),
        QueryKind::BoughtTogether(items) => vec![search::bought_together(query, scope, items)],
    }
}

/// Returns the quoted name of a table: the record kind, then the array.
pub(crate) fn table(family: RecordKind, array: Option<&str>) -> String {
    let family = match family {
        RecordKind::Orders => "orders",
        RecordKind::Returns => "returns",
    };
    array.map_or_else(|| format!("\"{family}\""), |array| format!("\"{family}.{array}\""))
}

/// Builds one statement and numbers its bound values.
struct SqlBuilder<'a> {
    query: &'a Query,
    scope: &'a Scope,
    values: Vec<Bound>,
}

impl<'a> SqlBuilder<'a> {
    fn new(query: &'a Query, scope: &'a Scope) -> Self {
        Self { query, scope, values: Vec::new() }
    }

    /// Binds strings and fractions. Integers and times become literals: they cannot contain SQL, and the engine can use literals to skip
    /// parts of a table.
    fn bind(&mut self, value: Bound) -> String {
        match value {
            Bound::Integer(number) => return format!("CAST({number} AS BIGINT)"),
            Bound::Timestamp(millis) => return format!("make_timestamp({})", millis.saturating_mul(1000)),
            Bound::Text(_) | Bound::Number(_) => {}
        }
        self.values.push(value);
        format!("${}", self.values.len())
    }

    fn bind_all<'t>(&mut self, texts: impl IntoIterator<Item = &'t String>) -> String {
        let places: Vec<_> = texts.into_iter().map(|text| self.bind(Bound::Text(text.clone()))).collect();
        places.join(", ")
    }

    fn family(&self) -> RecordKind {
        self.query.resource.family
    }

    fn finish(self, text: String) -> Statement {
        Statement { text, values: self.values }
    }

    /// Returns the expression for a field's value. The alias of documents is `d`; that of array elements is the array's path.
    fn value(&mut self, field: &Field) -> String {
        match field.kind {
            FieldType::Organization => {
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
    matches!(field.kind, FieldType::Amount | FieldType::Number)
}
