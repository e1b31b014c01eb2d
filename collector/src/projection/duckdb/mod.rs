//! The analytics engine DuckDB: its file, its tables, its writer, and the SQL of queries. Only this folder depends on the `duckdb` crate.

mod engine;
mod schema;
pub mod sql;
mod writer;

pub use engine::{DuckDbEngine, FILE};
