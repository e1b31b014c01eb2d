//! The metrics API from outside: records go in over a socket, and answers come out of it.
#![cfg(feature = "duckdb")]

mod analyst;
mod durability;
mod erasure;
mod events;
mod import;
mod own;
mod refusals;
mod requests;
#[path = "../collector/server.rs"]
#[allow(dead_code, reason = "the other tests of the collector use the rest of it")]
mod server;
mod tokens;
