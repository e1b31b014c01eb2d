//! The router: which path is served by which file, and which policy applies to it.
//!
//! A route parses the request, calls the rest of the collector and builds the response. It contains no rule of its own.

mod batch;
mod demo_shop;
mod erasure;
mod export_events;
mod export_state;
mod headless;
mod health;
mod import;
mod live_stream;
mod metrics;
mod oauth;
mod protected_pages;
mod query;
mod reports_token;
mod scripts;
mod vendor_events;
mod vendor_records;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, delete, get, post};

use crate::Error;
use crate::app_state::SharedState;
use crate::http::cors::{preflight_events, preflight_metrics};
use crate::http::middleware::{self, RoutePolicy};

/// Returns the router of the whole HTTP interface.
pub(super) fn router(state: SharedState) -> Router {
    let group = |routes: Router<SharedState>, policy: RoutePolicy| {
        let routes = routes.method_not_allowed_fallback(|| async { Error::MethodNotAllowed });
        routes.layer(from_fn_with_state((Arc::clone(&state), policy), middleware::observe))
    };
    let operations =
        if state.has_demo_shop { operations().fallback(demo_shop::file) } else { operations().fallback(|| async { Error::NotFound }) };
    group(page_routes(), RoutePolicy { rate_limited: true, timeout: true, cors: true })
        .merge(group(vendor_records::routes(), RoutePolicy { rate_limited: true, timeout: true, cors: false }))
        .merge(group(owner_routes(), RoutePolicy { rate_limited: true, timeout: false, cors: false }))
        .merge(group(metrics_routes(), RoutePolicy { rate_limited: true, timeout: true, cors: true }))
        .merge(group(operations, RoutePolicy::default()))
        .with_state(Arc::clone(&state))
}

/// Routes for the pages of shops: the library's files and event ingestion, with CORS.
fn page_routes() -> Router<SharedState> {
    Router::new()
        .route("/tracking.js", get(scripts::script))
        .route("/j/{file}", get(scripts::script_by_token))
        .route("/tags/{file}", get(scripts::script_by_token))
        .route("/assets/{*file}", get(scripts::asset))
        .route("/j/assets/{*file}", get(scripts::asset))
        .route("/tags/assets/{*file}", get(scripts::asset))
        .route("/v2/batch", post(batch::batch).options(preflight_events))
        .route("/v2/calls", post(batch::calls).options(preflight_events))
        .route("/api/track", post(headless::track).options(preflight_events))
        .merge(vendor_events::routes())
}

/// Routes for the owner of a project: exports, imports, erasure, and the protected pages.
fn owner_routes() -> Router<SharedState> {
    Router::new()
        .route("/export/events", get(export_events::export))
        .merge(export_state::routes())
        .route("/import/{resource}", post(import::import))
        .route("/customers/{email}", delete(erasure::erase))
        .merge(protected_pages::routes())
        .route("/live/events", get(live_stream::stream))
        .route("/reports/token", post(reports_token::issue))
}

/// Metrics routes with CORS: a dashboard is a page of any origin.
fn metrics_routes() -> Router<SharedState> {
    Router::new().route("/oauth/token", post(oauth::issue).options(preflight_metrics)).route("/metrics/{*query}", any(metrics::query))
}

/// Routes for the operator: health checks and Prometheus metrics.
fn operations() -> Router<SharedState> {
    Router::new().route("/healthz", get(health::alive)).route("/readyz", get(health::ready)).route("/metrics", get(health::metrics))
}
