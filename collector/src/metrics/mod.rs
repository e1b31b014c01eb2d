//! The metrics API: what a shop earned, asked as the clients of Commerce Layer's Metrics API ask it.
//!
//! ```text
//! request -> plan (catalogue) -> Query -> print -> SQL + values -> engine -> rows -> answer
//! ```
//!
//! - [`catalogue`] knows every field and what may be done with it; nothing else does.
//! - [`plan`] understands a request or says what is wrong with it. It is pure, and so are the printer and the answers.
//! - A printer is the only part that knows an engine's language. No text of a request ever stands in it but as a bound value.

pub mod catalog;
pub mod cursor;
pub mod document;
pub mod error;
pub mod parse;
pub mod query;
pub mod response;
pub mod rows;
pub mod search_query;
