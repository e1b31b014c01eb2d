//! What a shop's back end tells: customers, categories, products and orders, signed with the project's secret.
//!
//! Plug-ins take nothing but 200 for a success, and some forget their keys over anything else.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{Json, Router};
use tillroll_protocol::batch::BatchResponse;

use crate::Error;
use crate::app_state::SharedState;
use crate::http::body;
use crate::ingest;
use crate::vendors::records::{self, ENDPOINTS, Endpoint};

pub(super) fn routes() -> Router<SharedState> {
    let places = ENDPOINTS.iter().flat_map(|endpoint| ["", "/v2"].map(|version| (format!("{version}{}", endpoint.path), endpoint)));
    let router = places.fold(Router::new(), |router, (path, endpoint)| {
        router.route(&path, post(move |state, headers, body| take(endpoint, state, headers, body)))
    });
    router.route("/tracking/{token}/activity", post(activity)).route("/v2/tracking/{token}/activity", post(activity))
}

async fn take(
    endpoint: &'static Endpoint,
    State(collector): State<SharedState>,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, Error> {
    let body = body::read(&headers, body).await?;
    let answer = ingest::records(&collector, endpoint, body, digest(&headers)).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)))
}

/// A plug-in tells that it was set up. All that it wants to know is whether its keys are right.
async fn activity(
    State(collector): State<SharedState>,
    token: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, Error> {
    let body = body::read(&headers, body).await?;
    let project = token.ok().and_then(|Path(token)| collector.projects.find(&token)).ok_or(Error::UnknownToken)?;
    let digest = digest(&headers).ok_or(Error::NoDigest)?;
    if !project.proves(|secret| records::is_signed(&body, secret, &digest)) {
        return Err(Error::WrongDigest);
    }
    records::activity(&body)?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(BatchResponse::default())))
}

/// A digest that is no text is a wrong one, and not a missing one.
fn digest(headers: &HeaderMap) -> Option<String> {
    headers.get("x-digest").map(|digest| digest.to_str().unwrap_or_default().to_owned())
}
