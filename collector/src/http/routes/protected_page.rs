//! Pages for the owner of a project: who may look at them, and what they may do.
//!
//! Such a page shows personal data, so it may load nothing from elsewhere, send nothing elsewhere, and stand in nobody's frame.

use std::sync::Arc;

use axum::http::{HeaderMap, Uri, header};
use axum::response::Response;

use crate::http::auth::basic;
use crate::http::response;
use crate::http::routes::scripts;
use crate::http::static_files::File;
use crate::projects::Project;
use crate::{AppState, Error};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Returns the project that the caller may look at: by its secret or, where the view is open to this machine, the first one.
pub(super) fn viewer(collector: &AppState, uri: &Uri, headers: &HeaderMap) -> Result<Arc<Project>, Error> {
    match basic::owner(&collector.projects, headers) {
        Err(refusal) if collector.open_live && names_this_machine(uri, headers) => collector.projects.first().ok_or(refusal),
        result => result,
    }
}

/// A page of another site could have its own name point to this machine. Then the request carries that name.
fn names_this_machine(uri: &Uri, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).or(uri.host()).unwrap_or_default();
    let name = if host.ends_with(']') { host } else { host.rsplit_once(':').map_or(host, |(name, _)| name) };
    let name = name.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let is_loopback = |address: std::net::IpAddr| address.is_loopback();
    name == "localhost" || name.ends_with(".localhost") || name.parse().is_ok_and(is_loopback)
}

/// Returns a file of such a page.
pub(super) fn send(file: File, headers: &HeaderMap) -> Response {
    response::page(scripts::send(file, "no-cache", headers), POLICY, "no-referrer")
}
