//! `GET /diagnostics`: what the server received of this very request, and how its store does, for `tillroll doctor`.
//!
//! The program compares it with what it sent. Only the owner of a project may ask: the response shows what a proxy adds to a request.

use std::collections::BTreeMap;

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use crate::Error;
use crate::app_state::SharedState;
use crate::auth::basic;
use crate::diagnostics::Diagnostics;
use crate::http::response;
use crate::limits::client_key::ClientKey;

/// Headers whose values the program compares. Others may be secrets of a proxy, so only their names are in the response.
const COMPARED_HEADERS: &[&str] =
    &["accept-encoding", "host", "last-event-id", "origin", "referer", "user-agent", "x-digest", "x-forwarded-for", "x-request-id"];

pub(super) async fn diagnose(
    State(state): State<SharedState>,
    Extension(client): Extension<ClientKey>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    basic::owner(&state.projects, &headers)?;
    let mut received: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in &headers {
        let is_compared = COMPARED_HEADERS.contains(&name.as_str());
        let value = if is_compared { String::from_utf8_lossy(value.as_bytes()).into_owned() } else { String::new() };
        received.entry(name.to_string()).or_default().push(value);
    }
    let (commits, mean_commit_millis) = state.telemetry.commits();
    Ok(response::json(Diagnostics {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        time: state.clock.millis(),
        client: match client {
            ClientKey::ThisMachine(address) | ClientKey::Address(address) => Some(address.to_string()),
            ClientKey::Unreadable => None,
        },
        trusted_proxies: state.admission.trusted_proxies(),
        headers: received,
        disk_free_bytes: state.store.free_bytes(),
        commits,
        mean_commit_millis,
    }))
}
