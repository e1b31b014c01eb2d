//! `POST /v2/batch` and `POST /v2/calls`: events from our tracker, and calls that never met it. They are of any content type, because a page
//! that named one would need a preflight.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;

use crate::Error;
use crate::app_state::SharedState;
use crate::http::auth::basic;
use crate::http::body;
use crate::ingest;

pub(super) async fn take(State(collector): State<SharedState>, headers: HeaderMap, body: Body) -> Result<impl IntoResponse, Error> {
    let body = body::read(&headers, body).await?;
    let answer = ingest::batch(&collector, body, basic::page(&headers)).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)))
}

pub(super) async fn take_calls(State(collector): State<SharedState>, headers: HeaderMap, body: Body) -> Result<impl IntoResponse, Error> {
    let body = body::read(&headers, body).await?;
    let answer = ingest::calls(&collector, body, basic::page(&headers)).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)))
}
