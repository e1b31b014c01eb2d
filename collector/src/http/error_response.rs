//! Turns an [`Error`] into a response. The status, code and `Retry-After` of each error are in `crate::request_error`.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::Error;
use crate::http::context::ErrorDetail;
use crate::request_error::SUPPORTED_ENCODINGS;

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        error_response(&self, None)
    }
}

/// Returns an error response. The middleware writes its body. `caller_request_id` is JSON that the caller gets back.
pub(super) fn error_response(error: &Error, caller_request_id: Option<String>) -> Response {
    if let Error::CannotRead(cause) = error {
        tracing::error!(%cause, "cannot read the store");
    }
    let mut response = error.status().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = error.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if matches!(error, Error::UnsupportedEncoding) {
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(SUPPORTED_ENCODINGS));
    }
    if matches!(error, Error::Unauthorized) {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"tillroll\", charset=\"UTF-8\""));
    }
    response.extensions_mut().insert(ErrorDetail {
        code: error.code(),
        message: error.to_string(),
        field: error.field().map(str::to_owned),
        limit: error.limit(),
        caller_request_id,
    });
    response
}
