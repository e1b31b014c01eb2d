//! The metrics API over HTTP: the tests import and track records, and query them.
#![cfg(feature = "duckdb")]

/// When the servers of the tests start, in milliseconds since 1970: 20 June 2021, three weeks after the tracked events.
const START_MS: u64 = 1_624_147_200_000;

/// The flags of servers with tracked events: queries cover the times of tests and now.
const FLAGS: &[&str] = &["--project", "t:secret", "--metrics-days", "4000"];

mod api_client;
mod carts_and_orders;
mod country_file;
mod durability;
mod erasure;
mod expensive_queries;
mod expiry;
mod export_import;
mod import;
mod invalid_requests;
mod pauses;
mod people;
mod requests;
#[path = "../collector/server.rs"]
#[allow(dead_code, reason = "the other tests of the collector use the rest of it")]
mod server;
mod sources;
mod tokens;
mod tracked_data;
mod traffic;
mod visit_orders;
