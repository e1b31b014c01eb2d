//! `DELETE /customers/{email}`: a person's data, taken out of everything that is kept.
//!
//! The answer says what was removed, in numbers. Asking again is harmless, and completes an erasure that was cut short.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use serde_json::json;
use tillroll_protocol::email;

use crate::Error;
use crate::app_state::SharedState;
use crate::http::auth::basic;

pub(super) async fn erase(
    State(collector): State<SharedState>,
    address: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Error> {
    let project = basic::owner(&collector.projects, &headers)?.id;
    let junk = Error::BadField { field: "email", wanted: "an e-mail address", found: "another string" };
    // One whose escapes are no text is refused like any other, once it is known who asks.
    let address = address.ok().and_then(|Path(address)| email::normalise(&address)).ok_or(junk)?;
    // Before anything is removed, so that a kill in between forgets nothing.
    collector.analytics.mark_for_rebuild().map_err(|_| Error::CannotStore)?;
    let erased = collector.store.erase(project, address).await?;
    tracing::info!(events = erased.events, orders = erased.orders, "a person was erased");
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(json!({"erased": erased}))))
}
