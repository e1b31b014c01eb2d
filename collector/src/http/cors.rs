//! The CORS policy: pages of any origin may send events and read the responses, because shops have their own domains.
//!
//! Requests carry no cookies or other credentials, so `*` is enough.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// How long a browser may cache the answer to a preflight request, in seconds.
const PREFLIGHT_MAX_AGE_SECS: &str = "86400";

/// The methods that pages may use on routes with CORS. The header `Allow` has those of the route; the router adds it.
const METHODS: &str = "GET, HEAD, POST, OPTIONS";

/// The headers that are allowed if the request names none.
const DEFAULT_HEADERS: &str = "Accept, Authorization, Content-Type, X-Requested-With";

/// The headers of a response that pages of any origin may read, with the time to retry and the request id.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Retry-After, X-Request-Id"),
    (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    (HeaderName::from_static("timing-allow-origin"), "*"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// Lets pages of any origin read the response.
pub(super) fn with_cors(mut response: Response) -> Response {
    // With the request id the response has eight headers or more. Without this the map would grow twice.
    response.headers_mut().reserve(8);
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Answers an OPTIONS request, usually the preflight of a page whose monitoring agent adds headers to every request. It allows the headers
/// that the page asks for: these routes use no credentials that a browser adds by itself.
pub(super) fn preflight(headers: &HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let out = response.headers_mut();
    out.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
    out.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_MAX_AGE_SECS));
    out.insert(header::VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
    let asked_for = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    out.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked_for.unwrap_or(HeaderValue::from_static(DEFAULT_HEADERS)));
    response
}
