//! The page's half: `/tracking.js`, its old addresses, and its siblings.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::Error;
use crate::app_state::SharedState;
use crate::http::cookie_renewal;
use crate::http::static_files::{File, is_hashed};

/// The script is one for all tokens; it finds its token in its own address. The answer keeps the visitor's cookie alive.
pub(super) async fn script(State(collector): State<SharedState>, headers: HeaderMap) -> Result<Response, Error> {
    let mut response = find(&collector, &["tracking.js"], &headers)?;
    let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    let renewed = cookie_renewal::renewed(header(header::COOKIE), header(header::HOST), header(header::REFERER));
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

/// The build may put siblings beside the script or into a folder of their own.
pub(super) async fn sibling(State(collector): State<SharedState>, Path(file): Path<String>, headers: HeaderMap) -> Result<Response, Error> {
    find(&collector, &[&format!("assets/{file}"), &file], &headers)
}

fn find(collector: &SharedState, names: &[&str], headers: &HeaderMap) -> Result<Response, Error> {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    for name in names {
        if let Some(file) = collector.assets.find(name, accepted) {
            let keep = if is_hashed(name) { "public, max-age=31536000, immutable" } else { "public, max-age=600" };
            return Ok(send(file, keep, headers));
        }
    }
    Err(if collector.assets.exist() { Error::NotFound } else { Error::NoPageHalf })
}

/// Returns the file, or only the news that the client has it already.
pub(super) fn send(file: File, keep: &'static str, headers: &HeaderMap) -> Response {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_known = known.split(',').any(|tag| tag.trim().trim_start_matches("W/") == file.tag);
    let mut response = if is_known { StatusCode::NOT_MODIFIED.into_response() } else { file.bytes.into_response() };
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.content_type));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    out.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    out.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(encoding) = file.encoding.filter(|_| !is_known) {
        out.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    if let Ok(tag) = HeaderValue::from_str(&file.tag) {
        out.insert(header::ETAG, tag);
    }
    response
}
