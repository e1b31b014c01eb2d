//! The front-end endpoints of other libraries: one event a request, of any content type, with or without a version in its address.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{Json, Router};

use crate::Error;
use crate::app_state::SharedState;
use crate::http::auth::basic;
use crate::http::{body, response};
use crate::ingest;
use crate::vendors::calls::{CALLS, Call};

pub(super) fn routes() -> Router<SharedState> {
    let places = CALLS.iter().flat_map(|call| ["", "/v1", "/v2"].map(|version| (format!("{version}{}", call.path), call)));
    places.fold(Router::new(), |router, (path, call)| {
        let handler = move |state, headers, body| take(call, state, headers, body);
        router.route(&path, post(handler).options(response::preflight))
    })
}

async fn take(
    call: &'static Call,
    State(collector): State<SharedState>,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, Error> {
    let body = body::read(&headers, body).await?;
    let answer = ingest::call(&collector, call, &body, basic::page(&headers)).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)))
}
