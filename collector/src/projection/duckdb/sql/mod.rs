//! SQL for DuckDB: from a typed query to statements with bound values.
//!
//! Text of a request is never part of a statement, only a bound value. Column names come from the catalog.
//! Amounts are stored as whole millionths, so that sums are exact in whatever order the engine adds them.

mod attribution;
mod bought_together;
mod breakdown;
mod builder;
mod condition;
mod customers;
mod documents;
mod rows;
mod search;

use crate::metrics::query::{Query, QueryKind};
use crate::metrics::rows::Scope;

pub(super) use builder::table;
pub use builder::{Bound, Statement};

/// Returns the statements of a query, in the order of its result sets.
pub fn statements(query: &Query, scope: &Scope) -> Vec<Statement> {
    match &query.kind {
        QueryKind::Breakdown(breakdown) => with_currencies(query, scope, breakdown::breakdown(query, scope, breakdown)),
        QueryKind::DateBreakdown(breakdown) => with_currencies(query, scope, breakdown::dates(query, scope, breakdown)),
        QueryKind::Stats(measure) => with_currencies(query, scope, breakdown::stats(query, scope, *measure)),
        QueryKind::Search(search) => search::statements(query, scope, search),
        QueryKind::BoughtTogether(items) => vec![bought_together::statement(query, scope, items)],
    }
}

/// Adds the number of currencies, if the query adds amounts that may have different ones.
fn with_currencies(query: &Query, scope: &Scope, statement: Statement) -> Vec<Statement> {
    let currencies = query.currency_to_check().map(|currency| breakdown::currencies(query, scope, currency));
    std::iter::once(statement).chain(currencies).collect()
}
