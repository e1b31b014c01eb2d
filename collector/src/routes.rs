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
use request::Manners;

/// What every route is given.
type Shared = Arc<Collector>;

/// Returns the whole HTTP interface.
pub fn app(collector: Shared) -> Router {
    // One layer for each route, whatever it does: every further one would cost each request as much as reading its event.
    let group = |routes: Router<Shared>, manners: Manners| {
        let routes = routes.method_not_allowed_fallback(|| async { Error::MethodNotAllowed });
        routes.layer(middleware::from_fn_with_state((Arc::clone(&collector), manners), request::watch))
    };
    let operators = if collector.demo { operators().fallback(shop::file) } else { operators().fallback(|| async { Error::NotFound }) };
    group(pages(), Manners { limited: true, in_time: true, any_origin: true })
        .merge(group(records::routes(), Manners { limited: true, in_time: true, any_origin: false }))
        .merge(group(owners(), Manners { limited: true, in_time: false, any_origin: false }))
        .merge(group(analysts(), Manners { limited: true, in_time: true, any_origin: true }))
        .merge(group(operators, Manners::default()))
        .with_state(Arc::clone(&collector))
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
