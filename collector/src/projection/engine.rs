//! The interface of analytics engines.
//!
//! An engine stores records and runs typed queries on them. It depends neither on the store nor on HTTP. Everything that is specific to one
//! engine (its crate, its SQL, its files) stays in that engine's folder.

use std::collections::BTreeSet;

use crate::cancellation::Cancellation;
use crate::metrics::query::Query;
use crate::metrics::rows::{Rows, Scope};
use crate::projection::document::{Document, ProductKey, RecordKey};
use crate::projection::error::ProjectionError;
use crate::projection::source::{Origin, Position, TrackedChanges};

/// What an engine may use.
#[derive(Clone, Copy, Debug)]
pub struct EngineLimits {
    /// Memory, in MB.
    pub memory_mb: u32,
    /// Temporary files beside the projection, in MB.
    pub temp_mb: u32,
}

impl Default for EngineLimits {
    fn default() -> Self {
        Self { memory_mb: 1024, temp_mb: 4096 }
    }
}

/// A database that contains the projection and runs queries on it.
pub trait AnalyticsEngine: Send + Sync {
    /// Closes the projection once no query runs, and opens it again for writing. It is empty afterwards with `rebuild`, if it has another
    /// version's schema, if it was filled from another store, or if its watermark is beyond the newest position of the store. Returns its
    /// watermark. A database that other collectors of a group may have filled is not emptied because it is beyond the store: that fails with
    /// [`ProjectionError::Ahead`].
    fn reopen(&self, rebuild: bool, origin: &Origin) -> Result<Position, ProjectionError>;

    /// Stops writing, and returns the watermark of what another collector of the group writes; None if there is nothing for such a store.
    fn follow(&self, origin: &Origin) -> Result<Option<Position>, ProjectionError>;

    /// Returns the watermark that the projection has now. Others can empty a database that is not this collector's own; None if it has nothing
    /// of such a store.
    fn stored(&self, _: &Origin) -> Result<Option<Position>, ProjectionError> {
        self.watermark().map(Some)
    }

    /// Whether others can empty the database while the collector runs.
    fn is_shared(&self) -> bool {
        false
    }

    /// Returns the watermark: the position up to which the projection is complete. Fails if the engine is not open yet.
    fn watermark(&self) -> Result<Position, ProjectionError>;

    /// Applies all changes and the new watermark, or nothing. An engine whose watermark is another one than that of the last success fails with
    /// [`ProjectionError::Moved`].
    fn apply(&self, documents: &[Document], tracked: &TrackedChanges, watermark: Position) -> Result<(), ProjectionError>;

    /// Computes a part of what queries with this window of the last touch, in days, would otherwise compute first.
    fn prepare(&self, _attribution_days: u32) -> Result<(), ProjectionError> {
        Ok(())
    }

    /// Returns the records with a line item that names one of these products.
    fn records_with_products(&self, products: &BTreeSet<ProductKey>) -> Result<Vec<RecordKey>, ProjectionError>;

    /// Returns the result sets of a query, all read from one snapshot, which reaches the position `fresh`; otherwise fails with
    /// [`ProjectionError::NotFresh`]. [`crate::metrics::rows`] defines their columns. Fails soon after a cancellation.
    fn query(&self, query: &Query, scope: &Scope, fresh: Position, cancellation: &Cancellation) -> Result<Vec<Rows>, ProjectionError>;
}
