//! Builds one SQL statement with bound values; every kind of query uses it.

use crate::metrics::catalog::{Field, FieldType, RecordKind};
use crate::metrics::query::Query;
use crate::metrics::rows::Scope;
use crate::projection::sql::dialect::Dialect;
use crate::projection::sql::names::{column_name, table_name};
use crate::projection::sql::relations::Relations;
use crate::projection::sql::statement::{Bound, Statement};

/// The position of the median in [`PERCENTILES`](crate::metrics::rows::PERCENTILES), counted from one.
pub(super) const MEDIAN: usize = 4;

/// Builds one statement and numbers its bound values.
pub(super) struct SqlBuilder<'a> {
    pub(super) query: &'a Query,
    pub(super) scope: &'a Scope,
    pub(super) dialect: &'a dyn Dialect,
    values: Vec<Bound>,
}

impl<'a> SqlBuilder<'a> {
    pub(super) fn new(plan: Plan<'a>) -> Self {
        Self { query: plan.query, scope: plan.scope, dialect: plan.dialect, values: Vec::new() }
    }

    /// Binds strings and fractions. Integers and times become literals: they cannot contain SQL, and the engine can use literals to skip
    /// parts of a table.
    pub(super) fn bind(&mut self, value: Bound) -> String {
        match value {
            Bound::Integer(number) => return format!("CAST({number} AS BIGINT)"),
            Bound::Timestamp(millis) => return self.dialect.time(millis),
            Bound::Text(_) | Bound::Number(_) => {}
        }
        let placeholder = self.dialect.placeholder(self.values.len() + 1, &value);
        self.values.push(value);
        placeholder
    }

    pub(super) fn bind_all<'t>(&mut self, texts: impl IntoIterator<Item = &'t String>) -> String {
        let placeholders: Vec<_> = texts.into_iter().map(|text| self.bind(Bound::Text(text.clone()))).collect();
        placeholders.join(", ")
    }

    pub(super) fn record_kind(&self) -> RecordKind {
        self.query.resource.record_kind
    }

    /// Returns the relation of the records' documents, or of an array in them.
    pub(super) fn table(&self, array: Option<&str>) -> String {
        self.dialect.table(&table_name(self.record_kind(), array), Some(self.scope.project))
    }

    /// Returns the relations of the project that are computed from tables.
    pub(super) fn relations(&self) -> Relations<'a> {
        Relations::new(self.dialect, Some(self.scope.project))
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

/// A query, what its caller may see, and the dialect of the engine that runs it.
#[derive(Clone, Copy)]
pub(super) struct Plan<'a> {
    pub(super) query: &'a Query,
    pub(super) scope: &'a Scope,
    pub(super) dialect: &'a dyn Dialect,
}

pub(super) fn column(alias: &str, field: &Field) -> String {
    format!("{alias}.{}", column_name(field.name))
}

pub(super) fn alias(array: &str) -> String {
    array.replace('.', "_")
}

pub(super) fn is_scaled(field: &Field) -> bool {
    matches!(field.kind, FieldType::Amount | FieldType::Number)
}
