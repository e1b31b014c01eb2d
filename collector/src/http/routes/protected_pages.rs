//! `/live`, `/reports` and `/customers`: pages for the owner of a project, and their scripts and styles.
//!
//! The pages show personal data. Their content security policy allows no other site to be loaded from, sent to, or to frame them.

use std::net::IpAddr;

use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::Response;

use crate::app_state::SharedState;
use crate::auth::basic;
use crate::http::path::PathParam;
use crate::http::response;
use crate::http::route_table::RouteTable;
use crate::projects::Owner;
use crate::static_files::{self, File, accept_encoding};
use crate::{AppState, Error};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Finds a file of a page by its name and the client's `Accept-Encoding`.
type Find = fn(&AppState, &str, &str) -> Option<File>;

const CUSTOMERS: Find = |_, name, _| static_files::customers(name);

pub(super) fn routes() -> RouteTable {
    let find_live: Find = |_, name, _| static_files::live_view(name);
    // The library that draws the charts is a file of the build.
    let find_reports: Find =
        |state, name, accepted| static_files::reports(name).or_else(|| state.assets.find(&format!("reports/{name}"), accepted));
    [("/live", find_live), ("/reports", find_reports)].into_iter().fold(RouteTable::default(), |routes, (path, find)| {
        routes
            .get(path, move |state, uri, headers| page(find, state, uri, headers))
            .get(&format!("{path}/{{file}}"), move |state, file, headers| asset(find, state, file, headers))
    })
}

/// The page with the list of customers.
pub(super) async fn customers(State(state): State<SharedState>, uri: Uri, headers: HeaderMap) -> Result<Response, Error> {
    page(CUSTOMERS, State(state), uri, headers).await
}

/// The page of one customer, or a file of the pages: no file has a name that could be an e-mail address.
pub(super) async fn customer(
    State(state): State<SharedState>,
    PathParam(name): PathParam,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Error> {
    if name.contains('@') {
        authorize(&state, &uri, &headers)?;
        return serve(CUSTOMERS, &state, "customer.html", &headers);
    }
    serve(CUSTOMERS, &state, &name, &headers)
}

async fn page(find: Find, State(state): State<SharedState>, uri: Uri, headers: HeaderMap) -> Result<Response, Error> {
    authorize(&state, &uri, &headers)?;
    serve(find, &state, "index.html", &headers)
}

/// Scripts and styles contain no personal data and need no authorisation.
async fn asset(find: Find, State(state): State<SharedState>, PathParam(file): PathParam, headers: HeaderMap) -> Result<Response, Error> {
    serve(find, &state, &file, &headers)
}

fn serve(find: Find, state: &AppState, name: &str, headers: &HeaderMap) -> Result<Response, Error> {
    let file = find(state, name, accept_encoding(headers)).ok_or(Error::NotFound)?;
    Ok(response::with_page_headers(file.into_response(static_files::NO_CACHE, headers), POLICY, "no-referrer"))
}

/// The headers by which a proxy names the client or the host of a request. A name that begins with `x-forwarded-` is another one.
const FORWARDING_HEADERS: &[&str] = &["forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"];

/// Returns the project that the caller may see: the one whose secret it sends or, with `--demo` and from this machine, the first one.
pub(super) fn authorize(state: &AppState, uri: &Uri, headers: &HeaderMap) -> Result<Owner, Error> {
    match basic::owner(&state.projects, headers) {
        Err(error) if state.is_open_to_this_machine && is_from_this_machine(uri, headers) => state.projects.first_owner().ok_or(error),
        result => result,
    }
}

/// Returns whether a browser on this machine sent the request, to this machine, without a proxy. The server listens on this machine only.
fn is_from_this_machine(uri: &Uri, headers: &HeaderMap) -> bool {
    let is_forwarding = |name: &str| name.starts_with("x-forwarded-") || FORWARDING_HEADERS.contains(&name);
    !headers.keys().any(|name| is_forwarding(name.as_str())) && is_addressed_to_this_machine(uri, headers)
}

/// Checks the `Host` header, and the host of the URI if it has one. Another site could point its own name to this machine (DNS rebinding);
/// then the request has that name.
fn is_addressed_to_this_machine(uri: &Uri, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter().map(|host| host.to_str().unwrap_or_default()).chain(uri.host());
    let first = hosts.next();
    first.is_some_and(is_this_machine) && hosts.all(is_this_machine)
}

fn is_this_machine(host: &str) -> bool {
    let name = if host.ends_with(']') { host } else { host.rsplit_once(':').map_or(host, |(name, _)| name) };
    let name = name.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}
