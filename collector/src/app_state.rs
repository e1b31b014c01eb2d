//! The application state: everything that the HTTP handlers and the background jobs share.

use std::sync::Arc;

use tokio::sync::watch;

/// The application state as handlers receive it.
pub(crate) type SharedState = Arc<AppState>;

/// Everything that the routes work with.
pub struct AppState {
    /// Who may send and who may read.
    pub projects: crate::projects::ProjectRegistry,
    /// The log.
    pub store: crate::store::Store,
    /// Who watches.
    pub live: crate::ingest::rejection_broadcast::RejectionBroadcast,
    /// What answers metrics queries.
    pub analytics: crate::projection::Analytics,
    /// What signs and checks access tokens.
    pub keyring: crate::http::auth::keyring::Keyring,
    /// The most days that the date filter of a metrics query may cover.
    pub longest_days: i64,
    /// The page's half.
    pub assets: crate::http::static_files::Assets,
    /// What an operator reads.
    pub telemetry: Arc<crate::telemetry::Telemetry>,
    /// Who is let in, and with how much.
    pub gate: crate::http::limits::admission::Admission,
    /// Tells when a request came.
    pub clock: crate::clock::Clock,
    /// Whether the demo shop is served.
    pub demo: bool,
    /// Whether `/live` is open to this machine without a secret.
    pub open_live: bool,
    /// Becomes true when the server is about to stop.
    pub closing: watch::Receiver<bool>,
}
