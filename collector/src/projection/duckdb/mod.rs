//! The analytics engine DuckDB: its file, its tables, its writer, and the SQL of queries. Only this folder depends on the `duckdb` crate.

mod append;
mod engine;
mod event_row;
mod schema;
pub mod sql;
mod tracking_writer;
mod writer;

pub use engine::{DuckDbEngine, FILE};
