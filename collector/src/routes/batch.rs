//! `POST /v2/batch` and `POST /v2/calls`: events from our tracker, and calls that never met it. They are of any content type, because a page
//! that named one would need a preflight.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;

use super::{Shared, body};
use crate::{Error, accept, auth};

pub(super) async fn take(State(collector): State<Shared>, headers: HeaderMap, body: Body) -> Result<impl IntoResponse, Error> {
    let body = body::read(&headers, body).await?;
    let answer = accept::batch(&collector, body, auth::page(&headers)).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)))
}

pub(super) async fn take_calls(State(collector): State<Shared>, headers: HeaderMap, body: Body) -> Result<impl IntoResponse, Error> {
    let body = body::read(&headers, body).await?;
    let answer = accept::calls(&collector, body, auth::page(&headers)).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)))
}
