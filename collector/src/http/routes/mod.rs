//! The HTTP interface: which address is answered by which file.
//!
//! A route turns a request into a question to the rest of the collector and the answer into a response. It decides nothing itself.

mod batch;
mod demo_shop;
mod erasure;
mod export_events;
mod export_state;
mod headless;
mod health;
mod import;
mod live;
mod live_stream;
mod metrics;
mod oauth;
mod protected_page;
mod reports;
mod scripts;
mod vendor_events;
mod vendor_records;

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::{any, delete, get, post};

use crate::Error;
use crate::app_state::SharedState;
use crate::http::middleware::{self as request_middleware, RoutePolicy};
use crate::http::response;

/// Returns the whole HTTP interface.
pub fn app(collector: SharedState) -> Router {
    // One layer for each route, whatever it does: every further one would cost each request as much as reading its event.
    let group = |routes: Router<SharedState>, manners: RoutePolicy| {
        let routes = routes.method_not_allowed_fallback(|| async { Error::MethodNotAllowed });
        routes.layer(middleware::from_fn_with_state((Arc::clone(&collector), manners), request_middleware::watch))
    };
    let operators = if collector.demo { operators().fallback(demo_shop::file) } else { operators().fallback(|| async { Error::NotFound }) };
    group(pages(), RoutePolicy { limited: true, in_time: true, any_origin: true })
        .merge(group(vendor_records::routes(), RoutePolicy { limited: true, in_time: true, any_origin: false }))
        .merge(group(owners(), RoutePolicy { limited: true, in_time: false, any_origin: false }))
        .merge(group(analysts(), RoutePolicy { limited: true, in_time: true, any_origin: true }))
        .merge(group(operators, RoutePolicy::default()))
        .with_state(Arc::clone(&collector))
}

/// What pages of any shop ask for, from any origin.
fn pages() -> Router<SharedState> {
    let scripts = Router::new()
        .route("/tracking.js", get(scripts::script))
        .route("/j/{file}", get(scripts::script_by_token))
        .route("/tags/{file}", get(scripts::script_by_token))
        .route("/assets/{*file}", get(scripts::sibling))
        .route("/j/assets/{*file}", get(scripts::sibling))
        .route("/tags/assets/{*file}", get(scripts::sibling));
    let events = Router::new().route("/v2/batch", post(batch::take).options(response::preflight));
    let events = events.route("/v2/calls", post(batch::take_calls).options(response::preflight));
    let events = events.route("/api/track", post(headless::track).options(response::preflight)).merge(vendor_events::routes());
    scripts.merge(events)
}

/// What the owner of a project asks for.
fn owners() -> Router<SharedState> {
    Router::new()
        .route("/export/events", get(export_events::events))
        .merge(export_state::routes())
        .route("/import/{resource}", post(import::take))
        .route("/customers/{email}", delete(erasure::erase))
        .route("/live", get(live::page))
        .route("/live/{file}", get(live::file))
        .route("/live/events", get(live_stream::listen))
        .route("/reports", get(reports::page))
        .route("/reports/{file}", get(reports::file))
        .route("/reports/token", post(reports::token))
}

/// What whoever asks what the shop earned asks for, from any origin: a dashboard is a page too.
fn analysts() -> Router<SharedState> {
    Router::new().route("/oauth/token", post(oauth::issue).options(metrics::preflight)).route("/metrics/{*query}", any(metrics::ask))
}

/// What whoever runs the server asks for.
fn operators() -> Router<SharedState> {
    Router::new().route("/healthz", get(health::alive)).route("/readyz", get(health::ready)).route("/metrics", get(health::metrics))
}
