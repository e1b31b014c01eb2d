//! The application state: everything that the HTTP handlers and the background jobs share.

use std::sync::Arc;

use tokio::sync::watch;

use crate::config::currency::Currency;
use crate::config::per_project::{self, PerProject};
use crate::config::time_zone::ZoneName;

/// The application state as handlers receive it.
pub(crate) type SharedState = Arc<AppState>;

/// The application state.
pub struct AppState {
    /// The projects with their credentials.
    pub projects: crate::projects::ProjectRegistry,
    /// The store: event log and current state.
    pub store: Arc<crate::store::Store>,
    /// The node of a group of collectors; None without a replicated log.
    pub(crate) node: Option<Arc<crate::replication::Node>>,
    /// Whether this collector does what must happen once in its group.
    pub(crate) leadership: crate::replication::Leadership,
    /// The countries of clients' addresses.
    pub(crate) countries: crate::sources::Countries,
    /// The rules for addresses of pages.
    pub(crate) addresses: crate::addresses::AddressRules,
    /// Rejected events, broadcast to live streams.
    pub(crate) rejections: crate::rejection_broadcast::RejectionBroadcast,
    /// Events that pages report as dropped, for the log.
    pub(crate) dropped_reports: crate::dropped_reports::DroppedReports,
    /// The projection that answers metrics queries.
    pub analytics: crate::projection::Analytics,
    /// The keys that sign and verify access tokens.
    pub(crate) keyring: crate::auth::keyring::Keyring,
    /// The longest range of days that the date filter of a metrics query may cover.
    pub(crate) max_range_days: i64,
    /// How long before an order a touch can lead to it, in days.
    pub(crate) attribution_days: u32,
    /// The time zones in which the reports count days.
    pub(crate) time_zones: Vec<PerProject<ZoneName>>,
    /// The currencies of amounts that arrive without one.
    pub(crate) currencies: Vec<PerProject<Currency>>,
    /// The files of the browser library.
    pub(crate) assets: crate::static_files::Assets,
    /// Prometheus metrics.
    pub(crate) telemetry: Arc<crate::telemetry::Telemetry>,
    /// Rate limits and memory limits.
    pub(crate) admission: crate::limits::admission::Admission,
    /// The source of the current time.
    pub(crate) clock: crate::clock::Clock,
    /// Whether the demo shop is served.
    pub(crate) has_demo_shop: bool,
    /// Whether requests from this machine may open the owner's pages, and change what they change, without a secret.
    pub(crate) is_open_to_this_machine: bool,
    /// The cursor after which the routes `/test/*` list events; they exist only with `--ephemeral`.
    pub(crate) test_start: Option<std::sync::Mutex<crate::store::Cursor>>,
    /// Becomes true when the server is about to stop.
    pub(crate) closing: watch::Receiver<bool>,
}

impl AppState {
    /// Returns the currency of amounts that a project gets without one; empty if there is none.
    pub(crate) fn currency(&self, token: &str) -> &str {
        per_project::of_project(&self.currencies, token).map_or("", Currency::as_str)
    }

    /// Returns the country of a client.
    pub(crate) fn country(&self, client: crate::limits::client_key::ClientKey) -> crate::sources::Country {
        client.address().map_or_else(Default::default, |address| self.countries.find(address))
    }
}
