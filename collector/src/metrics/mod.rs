//! The metrics API: queries on orders, carts, returns, events, visits and customers, compatible with clients of Commerce Layer's Metrics API.
//!
//! ```text
//! request -> parse (catalog) -> Query -> analytics engine -> Rows -> response -> QueryResult
//! ```
//!
//! - [`catalog`] defines every field and the operations that it allows; all other parts derive their rules from it.
//! - [`parse`] turns a request into a [`query`] or returns all its errors. Parsing and building the [`response`] are pure functions.
//! - The analytics engine runs the query (see `projection`) and returns [`rows`]; nothing here depends on the engine.

pub mod catalog;
pub mod cursor;
pub mod document;
pub mod parse;
pub mod query;
pub mod response;
pub mod rows;
pub mod search_query;
pub mod time_zone;
