//! `POST /import/{events,customers,categories,products,orders,carts,returns}`: imports NDJSON lines of an export, or orders, carts and
//! returns in the format of a metrics search. They replace earlier records with the same id.
//!
//! An invalid line does not affect the others. An order that was not placed yet is a cart, whichever path it was sent to, and vice versa.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;

use crate::Error;
use crate::app_state::SharedState;
use crate::auth::basic;
use crate::http::{body, response};
use crate::import;
use crate::resource::Resource;

pub(super) async fn import(
    State(state): State<SharedState>,
    resource: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let resource = resource.ok().and_then(|Path(resource)| Resource::find(&resource)).ok_or(Error::NotFound)?;
    let project = basic::owner(&state.projects, &headers)?.id;
    let body = body::read(&state.admission, &headers, body).await?;
    Ok(response::json(import::import(&state.store, project, resource, state.clock.millis(), body.bytes.clone()).await?))
}
