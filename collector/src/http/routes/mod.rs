//! The router: which path is served by which file, and which policy applies to it.
//!
//! A route parses the request, calls the rest of the collector and builds the response. It contains no rule of its own.

mod acme_challenge;
mod batch;
mod cookie;
mod customers;
mod demo_shop;
mod diagnostics;
mod documents;
mod export_events;
mod export_state;
mod group_store;
mod headless;
mod health;
mod https_redirect;
mod import;
mod live_stream;
mod metrics;
mod oauth;
mod openapi_document;
mod protected_pages;
mod query;
mod reports_token;
mod scripts;
mod test_api;
mod vendor_events;
mod vendor_records;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::get;

use crate::Error;
use crate::app_state::SharedState;
use crate::http::middleware::{self, RoutePolicy};
use crate::http::path::PathParam;
use crate::http::route_table::RouteTable;

/// Returns the router of the whole HTTP interface. With `hsts` every response makes browsers use only HTTPS for that time.
pub(super) fn router(state: SharedState, hsts: Option<Duration>) -> Router {
    let router = interface(state);
    match hsts.map(|duration| HeaderValue::from_str(&format!("max-age={}", duration.as_secs()))) {
        Some(Ok(value)) => router.layer(map_response(move |mut response: Response| {
            response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, value.clone());
            std::future::ready(response)
        })),
        _ => router,
    }
}

/// Returns the router of the listener without encryption: health checks, the challenges in `webroot`, and redirects to HTTPS on `port`.
pub(super) fn redirect_router(state: SharedState, port: u16, webroot: Option<Arc<Path>>) -> Router {
    let health = Router::new().route("/healthz", get(health::alive)).route("/readyz", get(health::ready)).with_state(state);
    let router = match webroot {
        Some(webroot) => health.route(
            acme_challenge::PATH,
            get(move |PathParam(token): PathParam| std::future::ready(acme_challenge::respond(&webroot, &token))),
        ),
        None => health,
    };
    router.fallback(async move |headers: HeaderMap, uri: Uri| https_redirect::redirect(&headers, &uri, port))
}

fn interface(state: SharedState) -> Router {
    let group = |routes: RouteTable, policy: RoutePolicy| {
        let layer = from_fn_with_state((Arc::clone(&state), policy), middleware::observe);
        routes.with(|router| router.method_not_allowed_fallback(|| async { Error::MethodNotAllowed }).layer(layer))
    };
    let has_demo_shop = state.has_demo_shop;
    let operations = operations();
    let operations = if state.test_start.is_some() { operations.merge(test_api::routes()) } else { operations };
    let operations = operations.with(|router| match has_demo_shop {
        true => router.fallback(demo_shop::file),
        false => router.fallback(|| async { Error::NotFound }),
    });
    // The nodes of a group use it among themselves, so it is not part of the described interface.
    let operations = match &state.node {
        Some(_) => operations.with(|router| router.route("/group/store", get(group_store::copy))),
        None => operations,
    };
    let none = RoutePolicy::default();
    let routes = group(page_routes(), RoutePolicy { rate_limited: true, timeout: true, cors: true, options: true, ..none })
        .merge(group(vendor_records::routes(), RoutePolicy { rate_limited: true, timeout: true, ..none }))
        .merge(group(owner_routes(), RoutePolicy { rate_limited: true, for_owners: true, ..none }))
        .merge(group(metrics_routes(), RoutePolicy { rate_limited: true, timeout: true, cors: true, ..none }))
        .merge(group(documents::routes(), RoutePolicy { rate_limited: true, timeout: true, ..none }))
        .merge(group(operations, RoutePolicy { rate_limited: true, ..none }))
        .merge(group(health_checks(), none));
    let description = openapi_document::routes(routes.served());
    let routes = routes.merge(group(description, RoutePolicy { rate_limited: true, timeout: true, cors: true, ..none }));
    routes.into_router().with_state(Arc::clone(&state))
}

/// Routes for the pages of shops: the library's files and event ingestion, with CORS.
fn page_routes() -> RouteTable {
    RouteTable::default()
        .get("/tracking.js", scripts::script)
        .get("/j/{file}", scripts::script_by_token)
        .get("/tags/{file}", scripts::script_by_token)
        .get("/assets/{*file}", scripts::asset)
        .get("/j/assets/{*file}", scripts::asset)
        .get("/tags/assets/{*file}", scripts::asset)
        .post("/v2/batch", batch::batch)
        .post("/v2/calls", batch::calls)
        .post("/v2/cookie", cookie::renew)
        .post("/api/track", headless::track)
        .merge(vendor_events::routes())
}

/// Routes for the owner of a project: exports, imports, customers, the protected pages, and diagnostics.
fn owner_routes() -> RouteTable {
    RouteTable::default()
        .get("/export/events", export_events::export)
        .merge(export_state::routes())
        .post("/import/{resource}", import::import)
        .merge(customers::routes())
        .merge(protected_pages::routes())
        .get("/live/events", live_stream::stream)
        .post("/reports/token", reports_token::issue)
        .get("/diagnostics", diagnostics::diagnose)
}

/// Metrics routes with CORS: a dashboard is a page of any origin.
fn metrics_routes() -> RouteTable {
    RouteTable::default().post("/oauth/token", oauth::issue).below("/metrics/{*query}", metrics::query, metrics::served())
}

/// Routes for the operator: Prometheus metrics.
fn operations() -> RouteTable {
    RouteTable::default().get("/metrics", health::metrics)
}

/// Routes for a load balancer. They have no rate limit, because a check that fails takes the server out of service.
fn health_checks() -> RouteTable {
    RouteTable::default().get("/healthz", health::alive).get("/readyz", health::ready)
}
