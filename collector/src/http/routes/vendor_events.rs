//! The front-end endpoints of vendors' libraries: one event per request, any content type, with or without a version in the path.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;

use crate::Error;
use crate::app_state::SharedState;
use crate::auth::basic;
use crate::http::cors::preflight_events;
use crate::http::{body, response};
use crate::ingest;
use crate::vendors::Envelope;
use crate::vendors::calls::{CALLS, Call};

pub(super) fn routes() -> Router<SharedState> {
    let paths = CALLS.iter().flat_map(|call| ["", "/v1", "/v2"].map(|version| (format!("{version}{}", call.path), call)));
    paths.fold(Router::new(), |router, (path, call)| {
        let handler = move |state, headers, body| track(call, state, headers, body);
        router.route(&path, post(handler).options(preflight_events))
    })
}

async fn track(call: &'static Call, State(state): State<SharedState>, headers: HeaderMap, body: Body) -> Result<Response, Error> {
    let body = body::read(&state.admission, &headers, body).await?;
    let envelope = Envelope::parse(&body.bytes)?;
    let project = ingest::find_project(&state, &envelope.token)?.id;
    let event = call.event(&envelope, &body.bytes);
    Ok(response::json(ingest::ingest_event(&state, project, event, basic::page(&headers)).await?))
}
