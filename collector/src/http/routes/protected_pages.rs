//! `/live` and `/reports`: pages for the owner of a project, and their scripts and styles.
//!
//! The pages show personal data. Their content security policy allows no other site to be loaded from, sent to, or to frame them.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::Response;
use axum::routing::get;

use crate::app_state::SharedState;
use crate::auth::basic;
use crate::http::response;
use crate::projects::Project;
use crate::static_files::{self, File, accept_encoding};
use crate::{AppState, Error};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Finds a file of a page by its name and the client's `Accept-Encoding`.
type Find = fn(&AppState, &str, &str) -> Option<File>;

pub(super) fn routes() -> Router<SharedState> {
    let find_live: Find = |_, name, _| static_files::live_view(name);
    // The library that draws the charts is a file of the build.
    let find_reports: Find =
        |state, name, accepted| static_files::reports(name).or_else(|| state.assets.find(&format!("reports/{name}"), accepted));
    [("/live", find_live), ("/reports", find_reports)].into_iter().fold(Router::new(), |router, (path, find)| {
        router
            .route(path, get(move |state, uri, headers| page(find, state, uri, headers)))
            .route(&format!("{path}/{{file}}"), get(move |state, file, headers| asset(find, state, file, headers)))
    })
}

async fn page(find: Find, State(state): State<SharedState>, uri: Uri, headers: HeaderMap) -> Result<Response, Error> {
    authorize(&state, &uri, &headers)?;
    serve(find, &state, "index.html", &headers)
}

/// Scripts and styles contain no personal data and need no authorisation.
async fn asset(find: Find, State(state): State<SharedState>, Path(file): Path<String>, headers: HeaderMap) -> Result<Response, Error> {
    serve(find, &state, &file, &headers)
}

fn serve(find: Find, state: &AppState, name: &str, headers: &HeaderMap) -> Result<Response, Error> {
    let file = find(state, name, accept_encoding(headers)).ok_or(Error::NotFound)?;
    Ok(response::with_page_headers(file.into_response(static_files::NO_CACHE, headers), POLICY, "no-referrer"))
}

/// Returns the project that the caller may see: the one whose secret it sends or, with `--demo` and from this machine, the first one.
pub(super) fn authorize(state: &AppState, uri: &Uri, headers: &HeaderMap) -> Result<Arc<Project>, Error> {
    match basic::owner(&state.projects, headers) {
        Err(error) if state.is_live_open && is_addressed_to_this_machine(uri, headers) => state.projects.first().ok_or(error),
        result => result,
    }
}

/// Checks the `Host` header. Another site could point its own name to this machine (DNS rebinding); then the request has that name.
fn is_addressed_to_this_machine(uri: &Uri, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).or(uri.host()).unwrap_or_default();
    let name = if host.ends_with(']') { host } else { host.rsplit_once(':').map_or(host, |(name, _)| name) };
    let name = name.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}
