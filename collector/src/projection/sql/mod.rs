//! SQL: from a typed query to statements with bound values.
//!
//! Text of a request is never part of a statement, only a bound value. Column names come from the catalog.
//! Amounts are stored as whole millionths, so that sums are exact in whatever order the engine adds them.
//! All engines share this builder; a [`Dialect`] has what differs.

mod attribution;
mod bought_together;
mod breakdown;
mod builder;
mod condition;
mod customer_orders;
mod customers;
mod dialect;
mod documents;
mod names;
mod relations;
mod rows;
mod search;
mod statement;

use crate::metrics::query::{Query, QueryKind};
use crate::metrics::rows::Scope;

use builder::Plan;
pub use dialect::{Dialect, Linked, Numbered};
#[cfg(feature = "duckdb")]
pub(super) use documents::uses_attribution;
pub(super) use names::{column_name, table_name};
pub(super) use relations::Relations;
pub use statement::{Bound, Statement};

/// Returns the statements of a query, in the order of its result sets.
pub fn statements(query: &Query, scope: &Scope, dialect: &dyn Dialect) -> Vec<Statement> {
    let plan = Plan { query, scope, dialect };
    match &query.kind {
        QueryKind::Breakdown(breakdown) => with_currencies(plan, breakdown::breakdown(plan, breakdown)),
        QueryKind::DateBreakdown(breakdown) => with_currencies(plan, breakdown::dates(plan, breakdown)),
        QueryKind::Stats(measure) => with_currencies(plan, breakdown::stats(plan, *measure)),
        QueryKind::Search(search) => search::statements(plan, search),
        QueryKind::BoughtTogether(items) => vec![bought_together::statement(plan, items)],
    }
}

/// Adds the number of currencies, if the query adds amounts that may have different ones.
fn with_currencies(plan: Plan<'_>, statement: Statement) -> Vec<Statement> {
    let currencies = plan.query.currency_to_check().map(|currency| breakdown::currencies(plan, currency));
    std::iter::once(statement).chain(currencies).collect()
}
