//! The analytics engine DuckDB: its file, its tables, its writer, and its dialect. Only this folder depends on the `duckdb` crate.

mod append;
mod attribution;
mod columns;
mod dialect;
mod engine;
mod packed;
mod renewal;
mod schema;
mod tracking_writer;
mod writer;

pub use dialect::DuckDb;
pub use engine::{DuckDbEngine, FILE};
