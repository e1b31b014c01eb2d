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

pub mod accept;
pub mod analytics;
pub mod assets;
pub mod auth;
pub mod bots;
pub mod clock;
pub mod commands;
pub mod config;
pub mod decode;
mod edition;
pub mod error;
mod feed;
pub mod forward;
pub mod gate;
pub mod import;
pub mod live;
pub mod metrics;
pub mod projects;
mod rates;
pub mod renewal;
pub mod resource;
mod retention;
mod routes;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod vendors;

use std::sync::Arc;

use tokio::sync::watch;

pub use error::Error;
pub use routes::app;

/// Everything that the routes work with.
pub struct Collector {
    /// Who may send and who may read.
    pub projects: projects::Projects,
    /// The log.
    pub store: store::Store,
    /// Who watches.
    pub live: live::Live,
    /// What answers metrics queries.
    pub analytics: analytics::Analytics,
    /// What signs and checks access tokens.
    pub keyring: metrics::token::Keyring,
    /// The most days that the date filter of a metrics query may cover.
    pub longest_days: i64,
    /// The page's half.
    pub assets: assets::Assets,
    /// What an operator reads.
    pub telemetry: Arc<telemetry::Telemetry>,
    /// Who is let in, and with how much.
    pub gate: gate::Gate,
    /// Tells when a request came.
    pub clock: clock::Clock,
    /// Whether the demo shop is served.
    pub demo: bool,
    /// Whether `/live` is open to this machine without a secret.
    pub open_live: bool,
    /// Becomes true when the server is about to stop.
    pub closing: watch::Receiver<bool>,
}
