//! The HTTP interface: which address is answered by which file.
//!
//! A route turns a request into a question to the rest of the collector and the answer into a response. It decides nothing itself.

mod answer;
mod assets;
mod batch;
mod body;
mod calls;
mod customers;
mod export;
mod headless;
mod health;
mod import;
mod live;
mod live_events;
mod metrics;
mod owner_page;
mod records;
mod reports;
mod request;
mod shop;
mod state;
mod token;

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::{any, delete, get, post};

use crate::{Collector, Error};

/// What every route is given.
type Shared = Arc<Collector>;

/// Returns the whole HTTP interface.
pub fn app(collector: Shared) -> Router {
    let limit = || middleware::from_fn_with_state(Arc::clone(&collector), request::limit);
    let in_time = || middleware::from_fn_with_state(Arc::clone(&collector), request::in_time);
    let any_origin = || middleware::map_response(answer::any_origin);
    let router = pages()
        .layer(in_time())
        .layer(limit())
        .layer(any_origin())
        .merge(records::routes().layer(in_time()).layer(limit()))
        .merge(owners().layer(limit()))
        .merge(analysts().layer(in_time()).layer(limit()).layer(any_origin()))
        .merge(operators())
        .method_not_allowed_fallback(|| async { Error::MethodNotAllowed });
    let router = if collector.demo { router.fallback(shop::file) } else { router.fallback(|| async { Error::NotFound }) };
    router.layer(middleware::from_fn_with_state(Arc::clone(&collector), request::watch)).with_state(collector)
}

/// What pages of any shop ask for, from any origin.
fn pages() -> Router<Shared> {
    let scripts = Router::new()
        .route("/tracking.js", get(assets::script))
        .route("/j/{file}", get(assets::script_by_token))
        .route("/tags/{file}", get(assets::script_by_token))
        .route("/assets/{*file}", get(assets::sibling))
        .route("/j/assets/{*file}", get(assets::sibling))
        .route("/tags/assets/{*file}", get(assets::sibling));
    let events = Router::new().route("/v2/batch", post(batch::take).options(answer::preflight));
    let events = events.route("/v2/calls", post(batch::take_calls).options(answer::preflight));
    let events = events.route("/api/track", post(headless::track).options(answer::preflight)).merge(calls::routes());
    scripts.merge(events)
}

/// What the owner of a project asks for.
fn owners() -> Router<Shared> {
    Router::new()
        .route("/export/events", get(export::events))
        .merge(state::routes())
        .route("/import/{resource}", post(import::take))
        .route("/customers/{email}", delete(customers::erase))
        .route("/live", get(live::page))
        .route("/live/{file}", get(live::file))
        .route("/live/events", get(live_events::listen))
        .route("/reports", get(reports::page))
        .route("/reports/{file}", get(reports::file))
        .route("/reports/token", post(reports::token))
}

/// What whoever asks what the shop earned asks for, from any origin: a dashboard is a page too.
fn analysts() -> Router<Shared> {
    Router::new().route("/oauth/token", post(token::issue).options(metrics::preflight)).route("/metrics/{*query}", any(metrics::ask))
}

/// What whoever runs the server asks for.
fn operators() -> Router<Shared> {
    Router::new().route("/healthz", get(health::alive)).route("/readyz", get(health::ready)).route("/metrics", get(health::metrics))
}
