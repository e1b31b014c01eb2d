//! How answers look, whatever was asked.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::Error;
use crate::http::middleware;

#[derive(Serialize)]
struct Body<'a> {
    error: Detail<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct Detail<'a> {
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<usize>,
    /// Our name of the request, as it stands in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        refusal(&self, None)
    }
}

/// Returns the answer to a request that was refused; `request_id` is JSON that the caller wants to see again.
pub(super) fn refusal(error: &Error, request_id: Option<String>) -> Response {
    if let Error::CannotRead(cause) = error {
        tracing::error!(%cause, "cannot read the store");
    }
    let message = error.to_string();
    let detail =
        Detail { code: error.code(), message: &message, field: error.field(), limit: error.limit(), request_id: middleware::name() };
    let request_id = request_id.and_then(|id| RawValue::from_string(id).ok());
    let mut response = (error.status(), Json(Body { error: detail, request_id })).into_response();
    response.extensions_mut().insert(middleware::Code(error.code()));
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = error.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if matches!(error, Error::Unauthorised) {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"tillroll\", charset=\"UTF-8\""));
    }
    response
}

/// Lets pages of any origin read the answer, and know when to come again.
pub(super) fn any_origin(mut response: Response) -> Response {
    // With the request's name it will have eight headers or more, and would grow twice on the way.
    response.headers_mut().reserve(8);
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Retry-After, X-Request-Id"),
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
        (HeaderName::from_static("timing-allow-origin"), "*"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Makes the answer one of our own pages: it loads what the policy allows, and stands in nobody's frame.
pub(super) fn page(mut response: Response, policy: &'static str, referrer: &'static str) -> Response {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::REFERRER_POLICY, referrer),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Our own pages need no preflight. Who sends JSON with its content type does, and gets a kind answer.
pub(super) async fn preflight() -> impl IntoResponse {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "Content-Type, X-Requested-With"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
        (header::ALLOW, "POST, OPTIONS"),
    ];
    (StatusCode::NO_CONTENT, headers)
}
