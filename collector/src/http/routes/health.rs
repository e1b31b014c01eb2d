//! Routes for the operator: liveness, readiness, and Prometheus metrics.

use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use crate::Error;
use crate::app_state::SharedState;
use crate::store::StoreError;
use crate::telemetry::Snapshot;

/// How long the store may take to answer the readiness probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

pub(super) async fn alive() -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], "alive\n")
}

pub(super) async fn ready(State(state): State<SharedState>) -> Result<impl IntoResponse, Error> {
    tokio::time::timeout(PROBE_TIMEOUT, state.store.probe()).await.unwrap_or(Err(StoreError::Write))?;
    if let Some(node) = &state.node {
        node.is_ready()?;
    }
    // A projection that lags makes reports outdated but loses no event, so the collector stays in service.
    let note = state.analytics.health_error().map_or_else(String::new, |error| format!("{error}\n"));
    Ok(([(header::CACHE_CONTROL, "no-store")], format!("able to store\n{note}")))
}

pub(super) async fn metrics(State(state): State<SharedState>) -> impl IntoResponse {
    let snapshot = Snapshot { queue_depth: state.store.waiting(), disk_free_bytes: state.store.free_bytes(), now: state.clock.millis() };
    let node = state.node.as_ref().map_or_else(String::new, |node| node.render());
    let text = state.telemetry.render(&snapshot) + &state.analytics.render() + &node;
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}
