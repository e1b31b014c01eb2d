//! The demo shop, served with `--demo` at every path that no other route has.
//!
//! Its pages name the project by a placeholder. Its forms are submitted natively, so its pages accept POST too and return themselves.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::Error;
use crate::app_state::SharedState;
use crate::http::response;
use crate::static_files;

/// The placeholder of the project's token in a page.
const TOKEN_PLACEHOLDER: &str = "{{token}}";

/// A strict policy that allows what the library needs.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

pub(super) async fn file(State(state): State<SharedState>, method: Method, uri: Uri, headers: HeaderMap) -> Result<Response, Error> {
    let name = match uri.path().trim_start_matches('/') {
        "" => "index.html",
        name => name,
    };
    let file = static_files::shop(name).ok_or(Error::NotFound)?;
    let is_page = name.ends_with(".html");
    match method {
        Method::GET | Method::HEAD => {}
        Method::POST if is_page => {}
        _ => return Err(Error::MethodNotAllowed),
    }
    if !is_page {
        return Ok(file.into_response(static_files::NO_CACHE, &headers));
    }
    let token = state.projects.first().map_or(String::new(), |project| project.credentials.token.clone());
    let page = String::from_utf8_lossy(&file.bytes).replace(TOKEN_PLACEHOLDER, &token);
    let mut response = page.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(file.content_type));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(static_files::NO_CACHE));
    Ok(response::with_page_headers(response, POLICY, "strict-origin-when-cross-origin"))
}
