//! `POST /api/track`: events from a shop's server, or from a page without our library.
//!
//! Every response, errors included, has the caller's `request_id`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use tillroll_protocol::id::SEED_DIGITS;
use tillroll_protocol::json_writer;
use tillroll_protocol::receipt::Receipt;

use crate::addresses::ProjectAddresses;
use crate::app_state::SharedState;
use crate::auth::basic;
use crate::decode;
use crate::http::body::{self, SenderId, UnreadBody};
use crate::http::error_response::error_response;
use crate::http::routes::query::parameter;
use crate::ingest::{self, DecodedEvents};
use crate::limits::client_key::ClientKey;
use crate::projects::Project;
use crate::store::TrustLevel;
use crate::vendors::headless::{Request, RequestMeta};
use crate::{AppState, Error, clock};

pub(super) async fn track(
    State(state): State<SharedState>,
    Extension(client): Extension<ClientKey>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: UnreadBody,
) -> Response {
    let sender = sender(&state, &query.unwrap_or_default(), &headers, client);
    let body = match body::read(&state, &headers, body, if sender.is_ok() { SenderId::Head } else { SenderId::None }).await {
        Ok(body) => body,
        // Nothing of the body of an unknown sender counts, so its errors do not either.
        Err(error) => return sender.err().unwrap_or(error).into_response(),
    };
    let bytes = body.bytes.clone();
    let decoded = ingest::offload_if_large(&state, body.client, bytes.len(), move |state, _| {
        let text = decode::replace_lone_surrogates(bytes);
        match Request::parse(&text) {
            Ok(request) => Ok((request.id(), sender.and_then(|sender| decode_event(state, &sender, &request, &text)))),
            Err(error) => Err(sender.err().unwrap_or_else(|| error.into())),
        }
    });
    let (request_id, decoded) = match decoded.await {
        Ok(decoded) => decoded,
        Err(error) => return error.into_response(),
    };
    let stored = match decoded {
        Ok(decoded) => ingest::store_events(&state, decoded).await,
        Err(error) => Err(error),
    };
    match stored {
        Ok(_) => success(request_id.as_deref()),
        Err(error) => error_response(&error, request_id),
    }
}

fn decode_event(state: &AppState, sender: &Sender, request: &Request<'_>, body: &[u8]) -> Result<DecodedEvents, Error> {
    if request.requires_secret() && sender.sender.trust != TrustLevel::Owner {
        return Err(Error::Unauthorized);
    }
    state.admission.check_project(sender.project)?;
    let seed = clock::random_hex::<{ SEED_DIGITS / 2 }>().map_err(Error::NoRandomBytes)?;
    let receipt = Receipt::of_server(state.clock.millis()).with_addresses(&*sender.addresses).with_currency(&sender.currency);
    let event = request.event(RequestMeta { receipt: &receipt, body, seed: &seed });
    ingest::single_event(state, sender.project, &receipt, event, sender.sender)
}

/// The project of a request, the rules for its addresses, the currency of its amounts, and its sender.
struct Sender {
    project: i64,
    addresses: Arc<ProjectAddresses>,
    currency: String,
    sender: basic::Sender,
}

/// Returns the sender: the owner with the secret, else a browser or a bot.
fn sender(state: &AppState, query: &str, headers: &HeaderMap, client: ClientKey) -> Result<Sender, Error> {
    let sender = |project: &Project, sender| {
        let token = &project.credentials.token;
        Sender { project: project.id, addresses: state.addresses.of(token), currency: state.currency(token).to_owned(), sender }
    };
    match parameter(query, "token") {
        Some(token) if !headers.contains_key(header::AUTHORIZATION) => {
            let project = state.projects.find(&token).ok_or(Error::UnknownToken)?;
            Ok(sender(&project, basic::page(headers, state.country(client))))
        }
        _ => Ok(sender(&*basic::owner(&state.projects, headers)?, TrustLevel::Owner.into())),
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
