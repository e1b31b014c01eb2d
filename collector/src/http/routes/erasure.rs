//! `DELETE /customers/{email}`: deletes a person's data everywhere.
//!
//! The response has the number of deleted records. Repeating the request is harmless, and completes an erasure that was interrupted.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::json;
use tillroll_protocol::email;

use crate::Error;
use crate::app_state::SharedState;
use crate::auth::basic;
use crate::http::response;

pub(super) async fn erase(
    State(state): State<SharedState>,
    address: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let project = basic::owner(&state.projects, &headers)?.id;
    let invalid = Error::BadField { field: "email", wanted: "an e-mail address", found: "another string" };
    // A path with invalid percent-encoding is reported like any other invalid address, and only after authentication.
    let address = address.ok().and_then(|Path(address)| email::normalise(&address)).ok_or(invalid)?;
    // The rebuild of the projection is scheduled first, so that a crash during the erasure leaves no data in it.
    state.analytics.mark_for_rebuild().map_err(|_| Error::CannotStore)?;
    let erased = state.store.erase(project, address).await?;
    tracing::info!(events = erased.events, orders = erased.orders, "erased a person's data");
    Ok(response::json(json!({"erased": erased})))
}
