//! The browser library: `/tracking.js`, its alternative paths, and the files that it loads.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use crate::Error;
use crate::app_state::SharedState;
use crate::http::path::PathParam;
use crate::static_files::{self, accept_encoding, is_hashed};

/// `/tracking.js`. All projects share the file; the script reads its token from its own URL.
pub(super) async fn script(State(state): State<SharedState>, headers: HeaderMap) -> Result<Response, Error> {
    find(&state, &["tracking.js"], &headers)
}

/// `/j/TOKEN.js` and `/tags/TOKEN.js`.
pub(super) async fn script_by_token(state: State<SharedState>, PathParam(file): PathParam, headers: HeaderMap) -> Result<Response, Error> {
    if file.ends_with(".js") { script(state, headers).await } else { Err(Error::NotFound) }
}

/// `/assets/FILE`. The build may put a file next to the script or into its `assets` folder. After an upgrade, pages with a cached script
/// request hashed files of the version before; they get the present ones, which browsers must not store under the old name.
pub(super) async fn asset(State(state): State<SharedState>, PathParam(file): PathParam, headers: HeaderMap) -> Result<Response, Error> {
    // The site of the documents has an address, and a content security policy, of its own.
    if file.starts_with("docs/") {
        return Err(Error::NotFound);
    }
    let names = [&format!("assets/{file}"), &*file];
    find(&state, &names, &headers).or_else(|error| {
        let present = names.iter().find_map(|name| state.assets.find_present_version(name, accept_encoding(&headers)));
        Ok(present.ok_or(error)?.into_response("no-store", &headers))
    })
}

fn find(state: &SharedState, names: &[&str], headers: &HeaderMap) -> Result<Response, Error> {
    let accepted = accept_encoding(headers);
    for name in names {
        if let Some(file) = state.assets.find(name, accepted) {
            let cache_control = if is_hashed(name) { static_files::IMMUTABLE } else { "public, max-age=600" };
            return Ok(file.into_response(cache_control, headers));
        }
    }
    Err(if state.assets.exist() { Error::NotFound } else { Error::NoLibrary })
}
