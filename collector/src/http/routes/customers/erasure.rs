//! `DELETE /customers/{email}`: deletes a person's data everywhere.
//!
//! The response has the number of deleted records. Repeating the request is harmless, and completes an erasure that was interrupted.

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::Person;
use crate::Error;
use crate::app_state::SharedState;
use crate::http::response;

pub(super) async fn erase(State(state): State<SharedState>, Person { project, email }: Person) -> Result<Response, Error> {
    // The rebuild of the projection is scheduled first, so that a crash during the erasure leaves no data in it.
    state.analytics.mark_for_rebuild().map_err(|_| Error::CannotStore)?;
    let erased = state.store.erase(project, email).await?;
    tracing::info!(events = erased.events, orders = erased.orders, "erased a person's data");
    Ok(response::json(json!({"erased": erased})))
}
