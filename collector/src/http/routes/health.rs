//! What operators ask: alive, able to store, and how much of everything.

use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use crate::Error;
use crate::app_state::SharedState;
use crate::store::StoreError;
use crate::telemetry::Gauges;

/// A store that takes longer than this to take nothing is not able to store.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn alive() -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], "alive\n")
}

pub(super) async fn ready(State(collector): State<SharedState>) -> Result<impl IntoResponse, Error> {
    tokio::time::timeout(PATIENCE, collector.store.probe()).await.unwrap_or(Err(StoreError::Write))?;
    // A projection that lags makes reports old and costs nobody an event, so it takes no collector out of service.
    let note = collector.analytics.health_error().map_or_else(String::new, |reason| format!("{reason}\n"));
    Ok(([(header::CACHE_CONTROL, "no-store")], format!("able to store\n{note}")))
}

pub(super) async fn metrics(State(collector): State<SharedState>) -> impl IntoResponse {
    let gauges = Gauges { waiting: collector.store.waiting(), free: collector.store.free_bytes(), now: collector.clock.millis() };
    let text = collector.telemetry.print(&gauges) + &collector.analytics.render();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}
