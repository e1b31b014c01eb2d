//! `POST /import/{events,customers,categories,products,orders,carts,returns}`: imports NDJSON lines of an export, or orders, carts and
//! returns in the format of a metrics search. They replace earlier records with the same id.
//!
//! An invalid line does not affect the others. An order that was not placed yet is a cart, whichever path it was sent to, and vice versa.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;

use crate::Error;
use crate::app_state::SharedState;
use crate::auth::basic;
use crate::http::body::{self, SenderId, UnreadBody};
use crate::http::response;
use crate::import::{self, Import, Parser};
use crate::ingest;
use crate::resource::Resource;

pub(super) async fn import(
    State(state): State<SharedState>,
    resource: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: UnreadBody,
) -> Result<Response, Error> {
    let resource = resource.ok().and_then(|Path(resource)| Resource::find(&resource)).ok_or(Error::NotFound)?;
    let project = basic::owner(&state.projects, &headers)?;
    let token = &project.credentials.token;
    let target = import::Target { project: project.id, addresses: state.addresses.of(token), currency: state.currency(token).to_owned() };
    state.analytics.nearly_caught_up().await;
    let body = body::read(&state, &headers, body, SenderId::Head).await?;
    let import = Import::new(target, resource, state.clock.millis());
    let parse = |parser: Parser| ingest::offload_if_large(&state, body.client, parser.part_bytes(), move |_, _| Ok(parser.run()));
    let imported: Result<_, Error> = import.run(&state.store, body.bytes.clone(), parse).await;
    imported.map(response::json)
}
