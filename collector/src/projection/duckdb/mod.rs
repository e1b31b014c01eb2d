//! The analytics engine DuckDB: its file, its tables, how changes are written, and the SQL of queries. Nothing outside this folder names it.

mod engine;
mod schema;
pub mod sql;
mod writer;

pub use engine::{DuckDbEngine, FILE};
