//! `POST /import/{events,customers,categories,products,orders,carts,returns}`: what an export has printed, or orders, carts and returns in
//! the shape in which a search shows them, as NDJSON, put in place of earlier ones with the same id.
//!
//! A bad line never costs its neighbours. An order that was not placed yet is a cart and the other way round, whichever address it was
//! sent to.

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;

use crate::Error;
use crate::app_state::SharedState;
use crate::http::auth::basic;
use crate::http::body;
use crate::import::{self, What};

pub(super) async fn take(
    State(collector): State<SharedState>,
    resource: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, Error> {
    let what = resource.ok().and_then(|Path(resource)| What::find(&resource)).ok_or(Error::NotFound)?;
    let project = basic::owner(&collector.projects, &headers)?.id;
    let body = body::read(&headers, body).await?;
    let answer = import::take(&collector.store, project, what, collector.clock.millis(), body).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)))
}
