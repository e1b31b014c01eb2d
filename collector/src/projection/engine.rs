//! The interface of analytics engines.
//!
//! An engine stores records and runs typed queries on them. It depends neither on the store nor on HTTP. Everything that is specific to one
//! engine (its crate, its SQL, its files) stays in that engine's folder.

use std::path::Path;

use crate::Error;
use crate::metrics::query::Query;
use crate::metrics::rows::{Rows, Scope};
use crate::projection::document::{Document, Watermarks};

/// A database that contains the projection and runs queries on it.
pub trait AnalyticsEngine: Send + Sync {
    /// Opens the projection in the data folder. The engine starts with an empty projection if there is none, if the existing one cannot be
    /// read or has another version's schema, or if its watermark is beyond `head`, the latest change in the store.
    fn open(folder: &Path, head: i64) -> Result<Self, Error>
    where
        Self: Sized;

    /// Closes the projection once no query runs, and opens it again; with `rebuild` it is empty afterwards. Returns its watermarks.
    fn reopen(&self, rebuild: bool, head: i64) -> Result<Watermarks, Error>;

    /// Returns the numbers of the changes up to which the projection is complete.
    fn watermarks(&self) -> Result<Watermarks, Error>;

    /// Applies all changes and the new watermarks in one transaction, or nothing.
    fn apply(&self, documents: &[Document], watermarks: Watermarks) -> Result<(), Error>;

    /// Returns the orders and carts after `after` that have one of these products as a line item: at most `limit`, by project and key, in
    /// that order.
    fn orders_with_products(&self, products: &[(i64, String)], after: &(i64, String), limit: usize) -> Result<Vec<(i64, String)>, Error>;

    /// Returns the result sets of a query, all read from one snapshot. [`crate::metrics::rows`] defines their columns.
    fn query(&self, query: &Query, scope: &Scope) -> Result<Vec<Rows>, Error>;
}
