//! The collector: takes a shop's events, stores them durably, and answers for them.
//!
//! ```text
//! routes -> accept -> decode, vendors -> store -> 2xx
//!                                        store -> export, live, forward
//! ```
//!
//! - [`app`] is the whole HTTP interface as a value; [`server`] gives it a socket and a way to stop.
//! - `routes` says how things look over HTTP and decides nothing. `decode` decides what an event is and knows no HTTP.
//! - [`vendors`] translates what others' programs send, and is as pure as `decode`.
//! - [`store`] is the only part that knows SQLite. Nobody is answered 2xx before it said that the log is durable.
//! - Only [`clock`] reads the clock or asks for random bytes.

pub mod app_state;
pub mod cli;
pub mod clock;
pub mod config;
pub mod error;
mod file_version;
pub mod http;
pub mod import;
pub mod ingest;
pub mod jobs;
pub mod metrics;
pub mod projection;
pub mod projects;
pub mod store;
pub mod telemetry;
pub mod time;
pub mod vendors;

pub use app_state::AppState;
pub use error::Error;
pub use http::app;
