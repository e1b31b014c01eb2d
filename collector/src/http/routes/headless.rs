//! `POST /api/track`: events from a shop's server, or from a page without our library.
//!
//! Every response, errors included, has the caller's `request_id`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use tillroll_protocol::id::SEED_DIGITS;
use tillroll_protocol::json_writer;

use crate::app_state::SharedState;
use crate::auth::basic;
use crate::http::body;
use crate::http::error_response::error_response;
use crate::http::routes::query::parameter;
use crate::ingest;
use crate::projects::Project;
use crate::store::TrustLevel;
use crate::vendors::headless::{Request, RequestMeta};
use crate::{AppState, Error, clock};

pub(super) async fn track(State(state): State<SharedState>, RawQuery(query): RawQuery, headers: HeaderMap, body: Body) -> Response {
    let body = match body::read(&state.admission, &headers, body).await {
        Ok(body) => body,
        Err(error) => return error.into_response(),
    };
    let request = match Request::parse(&body.bytes) {
        Ok(request) => request,
        Err(error) => return Error::from(error).into_response(),
    };
    match store_event(&state, query.as_deref().unwrap_or_default(), &headers, &request, &body.bytes).await {
        Ok(()) => success(request.id().as_deref()),
        Err(error) => error_response(&error, request.id()),
    }
}

async fn store_event(state: &AppState, query: &str, headers: &HeaderMap, request: &Request<'_>, body: &[u8]) -> Result<(), Error> {
    let (project, trust) = sender(state, query, headers)?;
    if request.requires_secret() && trust != TrustLevel::Owner {
        return Err(Error::Unauthorized);
    }
    state.admission.check_project(project.id)?;
    let seed = clock::random_hex::<{ SEED_DIGITS / 2 }>().map_err(Error::NoRandomBytes)?;
    let meta = RequestMeta { time: state.clock.millis(), body, seed: &seed };
    ingest::ingest_event(state, project.id, request.event(meta), trust).await.map(|_| ())
}

/// Returns the project and the sender's trust level: the owner with the secret, else a browser or a bot.
fn sender(state: &AppState, query: &str, headers: &HeaderMap) -> Result<(Arc<Project>, TrustLevel), Error> {
    match parameter(query, "token") {
        Some(token) if !headers.contains_key(header::AUTHORIZATION) => {
            state.projects.find(token).map(|project| (project, basic::page(headers))).ok_or(Error::UnknownToken)
        }
        _ => basic::owner(&state.projects, headers).map(|project| (project, TrustLevel::Owner)),
    }
}

fn success(request_id: Option<&str>) -> Response {
    let mut out = String::from("{");
    json_writer::push_field(&mut out, "status", "ok");
    if let Some(id) = request_id {
        json_writer::push_key(&mut out, "request_id");
        out.push_str(id);
    }
    out.push('}');
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], out).into_response()
}
