//! The CORS policy: pages of any origin may send events and read the responses, because shops have their own domains.
//!
//! Requests carry no cookies or other credentials, so `*` is enough.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// How long a browser may cache the answer to a preflight request, in seconds.
const PREFLIGHT_MAX_AGE_SECS: &str = "86400";

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

/// Answers a preflight request of a page that sends events with a content type. The library itself never causes one.
pub(super) async fn preflight_events() -> impl IntoResponse {
    preflight("Content-Type, X-Requested-With")
}

/// Answers a preflight request of a dashboard: its requests carry an access token and the content type of the metrics API.
pub(super) async fn preflight_metrics() -> impl IntoResponse {
    preflight("Accept, Authorization, Content-Type, X-Requested-With")
}

fn preflight(allowed_headers: &'static str) -> impl IntoResponse {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, allowed_headers),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE_SECS),
        (header::ALLOW, "POST, OPTIONS"),
    ];
    (StatusCode::NO_CONTENT, headers)
}
