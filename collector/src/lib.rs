//! The collector: receives a shop's events over HTTP, stores them durably, and serves exports, metrics queries and the live view.
//!
//! ```text
//! http -> ingest -> decode, vendors -> store -> 2xx
//!                                      store -> export, live stream, forwarding, projection -> metrics
//! ```
//!
//! - [`http`] is the HTTP interface; [`http::server::Server`] is the running server.
//! - [`ingest`] decodes, validates and stores events. [`decode`] and [`vendors`] are pure: bytes in, events out.
//! - [`store`] is the only part that uses SQLite. A 2xx response is sent after the store has flushed the event to disk.
//! - [`clock`] is the only file that reads the clock or asks the system for random bytes.

pub mod addresses;
mod app_state;
mod atomic_file;
pub mod auth;
pub mod cancellation;
pub mod cli;
pub mod clock;
pub mod config;
pub mod decode;
mod diagnostics;
mod dropped_reports;
mod file_change;
mod hex;
pub mod http;
pub mod import;
pub mod ingest;
mod jobs;
mod limits;
pub mod log_budget;
pub mod metrics;
mod operator_error;
mod packed;
mod priority;
pub mod projection;
pub mod projects;
pub mod rejection_broadcast;
pub mod replication;
mod request_error;
pub mod resource;
pub mod sources;
mod static_files;
pub mod store;
pub mod telemetry;
mod text_input;
pub mod time;
pub mod vendors;

pub use app_state::AppState;
pub use request_error::Error;
