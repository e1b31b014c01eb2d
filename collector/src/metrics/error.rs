//! What a metrics request is answered when it is refused.
//!
//! The body is that of the upstream service, which is not the one of JSON:API:
//! `{"error": {"title", "code", "status", "meta": {"errors": [{"field": [{"attribute": ["message"]}]}], "trace_id"}}}`.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::Error;
use crate::metrics::parse::{QueryError, ValidationErrors};

/// Why a metrics request is refused.
#[derive(Debug)]
pub enum MetricsError {
    /// No such resource or query.
    NotFound,
    /// Queries are POSTed.
    MethodNotAllowed,
    /// The answer is of another type than the one that is accepted.
    NotAcceptable,
    /// The body is of another type.
    UnsupportedMediaType,
    /// The token is missing, over, or not one of ours.
    Unauthorised,
    /// The body is not JSON.
    NotJson(String),
    /// The query is wrong.
    Refused(QueryError),
    /// Something else of the collector's.
    Other(Error),
}

impl From<Error> for MetricsError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl MetricsError {
    /// Returns the HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unauthorised => StatusCode::UNAUTHORIZED,
            Self::NotJson(_) | Self::Refused(QueryError::BadRequest(_)) => StatusCode::BAD_REQUEST,
            Self::Refused(QueryError::Unprocessable(_)) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Other(error) => error.status(),
        }
    }

    /// Returns the name for programs: that of the status.
    fn code(&self) -> String {
        let name = self.status().canonical_reason().unwrap_or("error");
        name.to_uppercase().replace([' ', '-'], "_")
    }

    fn title(&self) -> String {
        match self {
            Self::NotFound => "there is no such resource or query".into(),
            Self::MethodNotAllowed => "queries are sent with POST".into(),
            Self::NotAcceptable => "the header Accept must be application/vnd.api.v1+json".into(),
            Self::UnsupportedMediaType => "the header Content-QueryType must be application/vnd.api+json".into(),
            Self::Unauthorised => "the access token is missing, expired or not valid".into(),
            Self::NotJson(reason) => format!("the body is not JSON: {reason}"),
            Self::Refused(QueryError::BadRequest(_)) => "the first level of the request is not valid".into(),
            Self::Refused(QueryError::Unprocessable(_)) => "the request is not valid".into(),
            Self::Other(error) => error.to_string(),
        }
    }

    fn faults(&self) -> Option<&ValidationErrors> {
        match self {
            Self::Refused(QueryError::BadRequest(faults) | QueryError::Unprocessable(faults)) => Some(faults),
            _ => None,
        }
    }

    /// Returns the body.
    pub fn to_json(&self, trace_id: &str) -> Value {
        let mut meta = json!({ "trace_id": trace_id });
        if let Some(faults) = self.faults() {
            meta["errors"] = faults.to_json();
        }
        json!({ "error": { "title": self.title(), "code": self.code(), "status": self.status().as_u16(), "meta": meta } })
    }
}
