//! The analytics engine ClickHouse, reached over HTTP: its schema, its writer, and its dialect.
//!
//! ClickHouse has no transactions over several tables. So each row has a number that contains the number of its batch, a deleted row is
//! listed in the table `gone`, and a batch counts once its number stands in the table `projection`. A query reads the rows of batches that
//! count, and nothing else. What a killed or failed batch has left is never read, and removed later.

mod address;
mod batch;
mod client;
mod dialect;
mod engine;
mod maintenance;
mod schema;
mod snapshot;
mod statements;
mod tracking;
mod writer;

pub use address::ClickHouseAddress;
pub use engine::ClickHouseEngine;
