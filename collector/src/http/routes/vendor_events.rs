//! The front-end endpoints of vendors' libraries: one event per request, any content type, with or without a version in the path.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use tillroll_protocol::receipt::Receipt;

use crate::Error;
use crate::app_state::SharedState;
use crate::auth::basic;
use crate::decode;
use crate::http::body::{self, SenderId, UnreadBody};
use crate::http::response;
use crate::http::route_table::RouteTable;
use crate::ingest;
use crate::vendors::Envelope;
use crate::vendors::calls::{CALLS, Call};

pub(super) fn routes() -> RouteTable {
    let paths = CALLS.iter().flat_map(|call| ["", "/v1", "/v2"].map(|version| (format!("{version}{}", call.path), call)));
    paths.fold(RouteTable::default(), |routes, (path, call)| {
        let handler = move |state, headers, body| track(call, state, headers, body);
        routes.post(&path, handler)
    })
}

async fn track(call: &'static Call, State(state): State<SharedState>, headers: HeaderMap, body: UnreadBody) -> Result<Response, Error> {
    let body = body::read(&state, &headers, body, SenderId::JsonToken).await?;
    let (bytes, trust) = (body.bytes.clone(), basic::page(&headers, state.country(body.client)));
    let decoded = ingest::offload_if_large(&state, body.client, bytes.len(), move |state, _| {
        let text = decode::replace_lone_surrogates(bytes);
        let envelope = Envelope::parse(&text)?;
        let project = ingest::find_project(state, &envelope.token)?;
        let addresses = state.addresses.of(&project.credentials.token);
        let receipt = Receipt::of_page(state.clock.millis(), None)
            .with_addresses(&*addresses)
            .with_currency(state.currency(&project.credentials.token));
        ingest::single_event(state, project.id, &receipt, call.event(&envelope, &text, &receipt), trust)
    });
    Ok(response::json(ingest::store_events(&state, decoded.await?).await?))
}
