//! The browser library: `/tracking.js`, its alternative paths, and the files that it loads.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;

use crate::Error;
use crate::app_state::SharedState;
use crate::http::cookie_renewal;
use crate::static_files::{accept_encoding, is_hashed};

/// `/tracking.js`. All projects share the file; the script reads its token from its own URL. The response renews the visitor cookie.
pub(super) async fn script(State(state): State<SharedState>, headers: HeaderMap) -> Result<Response, Error> {
    let mut response = find(&state, &["tracking.js"], &headers)?;
    let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    let renewed = cookie_renewal::renewed_cookie(header(header::COOKIE), header(header::HOST), header(header::REFERER));
    if let Some(cookie) = renewed.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
        let out = response.headers_mut();
        out.insert(header::SET_COOKIE, cookie);
        out.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=600"));
    }
    Ok(response)
}

/// `/j/TOKEN.js` and `/tags/TOKEN.js`.
pub(super) async fn script_by_token(state: State<SharedState>, Path(file): Path<String>, headers: HeaderMap) -> Result<Response, Error> {
    if file.ends_with(".js") { script(state, headers).await } else { Err(Error::NotFound) }
}

/// `/assets/FILE`. The build may put a file next to the script or into its `assets` folder.
pub(super) async fn asset(State(state): State<SharedState>, Path(file): Path<String>, headers: HeaderMap) -> Result<Response, Error> {
    find(&state, &[&format!("assets/{file}"), &file], &headers)
}

fn find(state: &SharedState, names: &[&str], headers: &HeaderMap) -> Result<Response, Error> {
    let accepted = accept_encoding(headers);
    for name in names {
        if let Some(file) = state.assets.find(name, accepted) {
            let cache_control = if is_hashed(name) { "public, max-age=31536000, immutable" } else { "public, max-age=600" };
            return Ok(file.into_response(cache_control, headers));
        }
    }
    Err(if state.assets.exist() { Error::NotFound } else { Error::NoLibrary })
}
