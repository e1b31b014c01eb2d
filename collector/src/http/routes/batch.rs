//! `POST /v2/calls`: the calls of our library. `POST /v2/batch`: events of other senders.
//!
//! Any content type is accepted, because a page that sent JSON's would need a preflight request.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use crate::Error;
use crate::app_state::SharedState;
use crate::auth::basic;
use crate::http::body::{self, SenderId, UnreadBody};
use crate::http::response;
use crate::ingest;

pub(super) async fn batch(State(state): State<SharedState>, headers: HeaderMap, body: UnreadBody) -> Result<Response, Error> {
    let body = body::read(&state, &headers, body, SenderId::JsonToken).await?;
    Ok(response::json(ingest::batch(&state, body.client, body.bytes.clone(), basic::page(&headers, state.country(body.client))).await?))
}

pub(super) async fn calls(State(state): State<SharedState>, headers: HeaderMap, body: UnreadBody) -> Result<Response, Error> {
    let body = body::read(&state, &headers, body, SenderId::CallsToken).await?;
    Ok(response::json(ingest::calls(&state, body.client, body.bytes.clone(), basic::page(&headers, state.country(body.client))).await?))
}
