//! The demo shop, at every address that is nobody else's, with `--demo` only.
//!
//! Its pages name the project by a placeholder. Its forms are submitted natively, so pages take POST as well and show themselves.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::Error;
use crate::app_state::SharedState;
use crate::http::response;
use crate::http::routes::scripts::send;
use crate::http::static_files;

/// Stands for the project's token in a page.
const PLACEHOLDER: &str = "{{token}}";

/// What a shop with a strict policy allows, and the tracker needs.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

pub(super) async fn file(State(collector): State<SharedState>, method: Method, uri: Uri, headers: HeaderMap) -> Result<Response, Error> {
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
        return Ok(send(file, "no-cache", &headers));
    }
    let token = collector.projects.first().map_or(String::new(), |project| project.keys.token.clone());
    let page = String::from_utf8_lossy(&file.bytes).replace(PLACEHOLDER, &token);
    let mut response = page.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(file.content_type));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response::page(response, POLICY, "strict-origin-when-cross-origin"))
}
