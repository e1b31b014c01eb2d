//! Builds one SQL statement with bound values; every kind of query uses it.

use crate::metrics::catalog::{Field, FieldType, RecordKind};
use crate::metrics::query::Query;
use crate::metrics::rows::Scope;

/// The position of the median in [`PERCENTILES`](crate::metrics::rows::PERCENTILES), counted from one.
pub(super) const MEDIAN: usize = 4;

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

/// Returns the quoted name of a table: the record kind, then the array.
pub(in crate::projection::duckdb) fn table(kind: RecordKind, array: Option<&str>) -> String {
    let records = match kind {
        RecordKind::Orders => "orders",
        RecordKind::Returns => "returns",
        RecordKind::Events => "events",
        RecordKind::Visits => "visits",
        RecordKind::Customers => "people",
    };
    array.map_or_else(|| format!("\"{records}\""), |array| format!("\"{records}.{array}\""))
}

/// Builds one statement and numbers its bound values.
pub(super) struct SqlBuilder<'a> {
    pub(super) query: &'a Query,
    pub(super) scope: &'a Scope,
    values: Vec<Bound>,
}

impl<'a> SqlBuilder<'a> {
    pub(super) fn new(query: &'a Query, scope: &'a Scope) -> Self {
        Self { query, scope, values: Vec::new() }
    }

    /// Binds strings and fractions. Integers and times become literals: they cannot contain SQL, and the engine can use literals to skip
    /// parts of a table.
    pub(super) fn bind(&mut self, value: Bound) -> String {
        match value {
            Bound::Integer(number) => return format!("CAST({number} AS BIGINT)"),
            Bound::Timestamp(millis) => return format!("make_timestamp({})", millis.saturating_mul(1000)),
            Bound::Text(_) | Bound::Number(_) => {}
        }
        self.values.push(value);
        format!("${}", self.values.len())
    }

    pub(super) fn bind_all<'t>(&mut self, texts: impl IntoIterator<Item = &'t String>) -> String {
        let placeholders: Vec<_> = texts.into_iter().map(|text| self.bind(Bound::Text(text.clone()))).collect();
        placeholders.join(", ")
    }

    pub(super) fn record_kind(&self) -> RecordKind {
        self.query.resource.record_kind
    }

    pub(super) fn finish(self, text: String) -> Statement {
        Statement { text, values: self.values }
    }

    /// Returns the name of the project.
    pub(super) fn organization(&mut self) -> String {
        let organization = self.scope.organization.to_owned();
        format!("CAST({} AS VARCHAR)", self.bind(Bound::Text(organization)))
    }

    /// Returns the expression for a field's value. The alias of documents is `d`; that of array elements is the array's path.
    pub(super) fn value(&mut self, field: &Field) -> String {
        match field.kind {
            FieldType::Organization => self.organization(),
            _ => column(&field.array().map_or_else(|| "d".into(), alias), field),
        }
    }
}

pub(super) fn column(alias: &str, field: &Field) -> String {
    format!("{alias}.\"{}\"", field.name)
}

pub(super) fn alias(array: &str) -> String {
    array.replace('.', "_")
}

pub(super) fn is_scaled(field: &Field) -> bool {
    matches!(field.kind, FieldType::Amount | FieldType::Number)
}
