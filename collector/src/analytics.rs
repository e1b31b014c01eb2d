//! The columnar projection of orders, carts and returns, which answers metrics queries.
//!
//! It is disposable. Every record it holds is kept in the store too, under a number that grows with each change; the projection notes up to
//! which number it has come in the same transaction as the records themselves, so that a kill neither loses nor doubles one. Whoever deletes
//! its file gets it rebuilt.

use crate::metrics::catalogue::Family;

#[cfg(feature = "duckdb")]
mod engine;
#[cfg(feature = "duckdb")]
mod schema;
#[cfg(feature = "duckdb")]
mod writer;

#[cfg(not(feature = "duckdb"))]
#[path = "analytics/without.rs"]
mod engine;

pub use engine::Projection;

/// The projection's file in the data folder.
pub const FILE: &str = "analytics.duckdb";

/// A change of one record.
#[derive(Clone, Debug)]
pub struct Document {
    /// The project's number in the store.
    pub project: i64,
    /// What kind of record it is.
    pub family: Family,
    /// Its id.
    pub id: String,
    /// The number of this change; later changes have greater ones.
    pub seq: i64,
    /// The whole record in the shape in which a search shows it; `None` when it is gone.
    pub json: Option<String>,
}
