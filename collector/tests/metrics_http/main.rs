//! The metrics API over HTTP: the tests import and track records, and query them.
#![cfg(feature = "duckdb")]

mod api_client;
mod carts_and_orders;
mod durability;
mod erasure;
mod import;
mod invalid_requests;
mod requests;
#[path = "../collector/server.rs"]
#[allow(dead_code, reason = "the other tests of the collector use the rest of it")]
mod server;
mod tokens;
mod tracked_data;
