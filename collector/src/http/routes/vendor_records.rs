//! The back-end endpoints of vendors: customers, categories, products and orders, signed with the project's secret.
//!
//! Vendors' plug-ins accept only status 200 as success, and some delete their stored keys after any other status.

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use tillroll_protocol::batch::BatchResponse;

use crate::app_state::SharedState;
use crate::decode::rejection::RejectedEvent;
use crate::http::{body, response};
use crate::ingest;
use crate::vendors::Envelope;
use crate::vendors::records::{self, ENDPOINTS, Endpoint, ParsedRecords};
use crate::{AppState, Error};

pub(super) fn routes() -> Router<SharedState> {
    let paths = ENDPOINTS.iter().flat_map(|endpoint| ["", "/v2"].map(|version| (format!("{version}{}", endpoint.path), endpoint)));
    let router = paths.fold(Router::new(), |router, (path, endpoint)| {
        router.route(&path, post(move |state, headers, body| store_records(endpoint, state, headers, body)))
    });
    router.route("/tracking/{token}/activity", post(activity)).route("/v2/tracking/{token}/activity", post(activity))
}

async fn store_records(
    endpoint: &'static Endpoint,
    State(state): State<SharedState>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let body = body::read(&state.admission, &headers, body).await?;
    let (bytes, digest) = (body.bytes.clone(), digest(&headers));
    let parsed = ingest::offload_if_large(&state, bytes.len(), move |state| parse_records(state, endpoint, &bytes, digest.as_deref()));
    let (project, parsed) = parsed.await?;
    Ok(response::json(ingest::records(&state, project, parsed.time, parsed.records, endpoint.is_batch()).await?))
}

/// Returns the project and the records. The error of a wrong digest reveals nothing about the body.
fn parse_records(state: &AppState, endpoint: &Endpoint, body: &[u8], digest: Option<&str>) -> Result<(i64, ParsedRecords), Error> {
    let envelope = Envelope::parse(body)?;
    let project = ingest::find_project(state, &envelope.token)?;
    match digest {
        Some(digest) if !project.verifies(|secret| records::is_signed(body, secret, digest)) => return Err(Error::WrongDigest),
        None if endpoint.requires_digest => return Err(Error::MissingDigest),
        _ => {}
    }
    let parsed = endpoint.parse(&envelope);
    Ok((project.id, parsed.map_err(|reason| ingest::reject(state, project.id, RejectedEvent::unnamed(reason)))?))
}

/// A plug-in reports that it was installed. The response only confirms that its keys are right.
async fn activity(
    State(state): State<SharedState>,
    token: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let body = body::read(&state.admission, &headers, body).await?.bytes;
    let project = token.ok().and_then(|Path(token)| state.projects.find(&token)).ok_or(Error::UnknownToken)?;
    let digest = digest(&headers).ok_or(Error::MissingDigest)?;
    if !project.verifies(|secret| records::is_signed(&body, secret, &digest)) {
        return Err(Error::WrongDigest);
    }
    records::check_activity(&body)?;
    Ok(response::json(BatchResponse::default()))
}

/// Returns `X-Digest`. A digest that is not text counts as a wrong one, not as a missing one.
fn digest(headers: &HeaderMap) -> Option<String> {
    headers.get("x-digest").map(|digest| digest.to_str().unwrap_or_default().to_owned())
}
