//! The error responses of the metrics API.
//!
//! The body has the format of the upstream service, which differs from JSON:API:
//! `{"error": {"title", "code", "status", "meta": {"errors": [{"field": [{"attribute": ["message"]}]}], "trace_id"}}}`.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::Error;
use crate::metrics::parse::{QueryError, ValidationErrors};

/// Why a metrics request failed.
#[derive(Debug)]
pub(in crate::http) enum MetricsError {
    /// The path names no resource or query.
    NotFound,
    /// The method is not POST.
    MethodNotAllowed,
    /// The client does not accept the media type of the response.
    NotAcceptable,
    /// The body has another media type.
    UnsupportedMediaType,
    /// The token is missing, expired or not valid.
    Unauthorized,
    /// The body is not JSON.
    NotJson(String),
    /// The query is not valid.
    Invalid(QueryError),
    /// An error of another part of the collector.
    Other(Error),
}

impl From<Error> for MetricsError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl MetricsError {
    /// Returns the HTTP status.
    pub(in crate::http) fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NotJson(_) | Self::Invalid(QueryError::BadRequest(_)) => StatusCode::BAD_REQUEST,
            Self::Invalid(QueryError::Unprocessable(_)) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Other(error) => error.status(),
        }
    }

    /// Returns the machine-readable code, which is derived from the HTTP status.
    fn code(&self) -> String {
        let name = self.status().canonical_reason().unwrap_or("error");
        name.to_uppercase().replace([' ', '-'], "_")
    }

    fn title(&self) -> String {
        match self {
            Self::NotFound => "there is no such resource or query".into(),
            Self::MethodNotAllowed => "queries are sent with POST".into(),
            Self::NotAcceptable => "the header Accept must be application/vnd.api.v1+json".into(),
            Self::UnsupportedMediaType => "the header Content-Type must be application/vnd.api+json".into(),
            Self::Unauthorized => "the access token is missing, expired or not valid".into(),
            Self::NotJson(reason) => format!("the body is not JSON: {reason}"),
            Self::Invalid(QueryError::BadRequest(_)) => "the first level of the request is not valid".into(),
            Self::Invalid(QueryError::Unprocessable(_)) => "the request is not valid".into(),
            Self::Other(error) => error.to_string(),
        }
    }

    fn validation_errors(&self) -> Option<&ValidationErrors> {
        match self {
            Self::Invalid(QueryError::BadRequest(errors) | QueryError::Unprocessable(errors)) => Some(errors),
            _ => None,
        }
    }

    /// Returns the response body.
    pub(in crate::http) fn to_json(&self, trace_id: &str) -> Value {
        let mut meta = json!({ "trace_id": trace_id });
        if let Some(errors) = self.validation_errors() {
            meta["errors"] = errors.to_json();
        }
        json!({ "error": { "title": self.title(), "code": self.code(), "status": self.status().as_u16(), "meta": meta } })
    }
}
