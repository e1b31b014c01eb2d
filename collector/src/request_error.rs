//! The errors of requests: code, HTTP status, `Retry-After`, field and limit of each, by exhaustive matches.
//!
//! The display text is for people and may change. [`Error::code`] is for programs and never changes.

use std::io;

use axum::http::StatusCode;
use tillroll_protocol::limits;

use crate::decode::BodyError;
use crate::decode::rejection::RejectReason;
use crate::projection::ProjectionError;
use crate::store::StoreError;

/// The encodings of request bodies, as a header lists them.
pub(crate) const SUPPORTED_ENCODINGS: &str = "gzip, br, zstd";

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The body is not JSON.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// A field is missing or has the wrong type.
    #[error("`{field}` must be {wanted}, found {found}")]
    BadField {
        /// The name of the field.
        field: &'static str,
        /// The expected value.
        wanted: &'static str,
        /// The type of the value; `nothing` if the field is missing.
        found: &'static str,
    },
    /// The only event or record of the request was rejected.
    #[error("{0}")]
    Rejected(RejectReason),
    /// The signature over the body is missing.
    #[error("the header X-Digest is missing: the hexadecimal HMAC-SHA256 of the body, keyed by the project's secret")]
    MissingDigest,
    /// The signature does not match the body and the secret.
    #[error("the header X-Digest is not the hexadecimal HMAC-SHA256 of this body, keyed by the project's secret")]
    WrongDigest,
    /// The connection closed before the body was complete.
    #[error("the body ended before it was complete")]
    BodyBroken,
    /// The body did not arrive within the timeout.
    #[error("the body did not arrive in {seconds} seconds")]
    BodyTimeout {
        /// The timeout.
        seconds: u64,
    },
    /// The body is too large.
    #[error("the body is larger than the limit of {limit} bytes")]
    BodyTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The body has an encoding that is not supported.
    #[error("the Content-Encoding of the body is not supported; send one of {SUPPORTED_ENCODINGS}, or none")]
    UnsupportedEncoding,
    /// The body is not what its `Content-Encoding` names.
    #[error("the body cannot be decoded as {encoding}")]
    NotDecodable {
        /// The encoding.
        encoding: &'static str,
    },
    /// The decoded body is too many times as large as the encoded one.
    #[error("the body decodes to more than {limit} times its size; send it without Content-Encoding")]
    BodyRatioTooHigh {
        /// The greatest ratio.
        limit: usize,
    },
    /// The batch has too many events.
    #[error("the batch holds {found} events, the limit is {limit}")]
    TooManyEvents {
        /// The number of events.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// The request has too many records.
    #[error("the request holds more than {limit} records; send them in several requests")]
    TooManyRecords {
        /// The limit.
        limit: usize,
    },
    /// The body has too many values.
    #[error("the body holds more than {limit} values (elements of lists and members of objects); send fewer")]
    TooManyValues {
        /// The limit.
        limit: usize,
    },
    /// No project has this token.
    #[error("no project has this token")]
    UnknownToken,
    /// The request has no valid credentials of a project.
    #[error("HTTP Basic authentication with a project's TOKEN:SECRET is required")]
    Unauthorized,
    /// The path has a percent-encoding that is not UTF-8.
    #[error("the path has a percent-encoding that is not UTF-8")]
    BadPath,
    /// A page of another site made a browser send an owner's request.
    #[error("a page of another site caused this request; an owner's requests must come from a page of this server or from a program")]
    CrossSite,
    /// Nothing of this person is stored.
    #[error("no customer has this `email`; nothing of this person is stored")]
    UnknownCustomer,
    /// A browser sent a body that is not declared as JSON.
    #[error("the Content-Type of this request must be application/json")]
    UnsupportedType,
    /// No route has this path.
    #[error("nothing is served at this address")]
    NotFound,
    /// This build has no browser library.
    #[error("this collector was built without the browser library; run `cargo xtask build` or start it with --assets DIR")]
    NoLibrary,
    /// The path does not support this method.
    #[error("this path does not support this method")]
    MethodNotAllowed,
    /// The rate limit of an address or a project is exceeded.
    #[error("too many requests from this {scope}; try again in {seconds} s")]
    TooManyRequests {
        /// What the limit applies to: `address` or `project`.
        scope: &'static str,
        /// After how many seconds the next request is admitted.
        seconds: u64,
    },
    /// The response did not begin within the timeout.
    #[error("the response took longer than {seconds} seconds")]
    ResponseTimeout {
        /// The timeout.
        seconds: u64,
    },
    /// The free disk space is below the reserve.
    #[error("the disk is almost full; nothing of this request was acknowledged")]
    DiskFull,
    /// The write queue or the memory for bodies is at its limit.
    #[error("the collector is at its limit of waiting requests; try again")]
    QueueFull,
    /// The store cannot write. Nothing of the request was acknowledged.
    #[error("the store cannot write at the moment; nothing of this request was acknowledged")]
    CannotStore,
    /// The replicated log has no quorum, is full or cannot be reached. Nothing of the request was acknowledged.
    #[error("the replicated log is not available; nothing of this request was acknowledged")]
    LogUnavailable,
    /// This collector has not applied what is in the replicated log.
    #[error("this collector has not caught up with the replicated log; nothing of this request was acknowledged")]
    CatchingUp,
    /// This collector cannot apply the next entry of the replicated log.
    #[error("{0}")]
    LogStopped(String),
    /// The store cannot be read.
    #[error("the store cannot be read at the moment")]
    CannotRead(#[source] rusqlite::Error),
    /// The projection cannot answer a metrics query.
    #[error(transparent)]
    Projection(ProjectionError),
    /// An access token cannot be signed.
    #[error("the access token cannot be signed because the keys in the data folder are invalid")]
    CannotSign,
    /// The collector is stopping.
    #[error("the collector is stopping")]
    Stopping,

    /// The system returned no random bytes.
    #[error("the system returned no random bytes: {0}")]
    NoRandomBytes(#[source] io::Error),
}

impl From<BodyError> for Error {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::NotJson(message) => Self::NotJson(message),
            BodyError::BadField { field, wanted, found } => Self::BadField { field, wanted, found },
            BodyError::TooManyEvents { found, limit } => Self::TooManyEvents { found, limit },
            BodyError::TooManyRecords { limit } => Self::TooManyRecords { limit },
            BodyError::TooManyValues { limit } => Self::TooManyValues { limit },
        }
    }
}

impl From<ProjectionError> for Error {
    fn from(error: ProjectionError) -> Self {
        match error {
            ProjectionError::Store(error) => error.into(),
            ProjectionError::Stopping => Self::Stopping,
            error => Self::Projection(error),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Open { source, .. } | StoreError::Copy { source, .. } => Self::CannotRead(source),
            // The server opens the store before it serves requests, so these do not occur in a request.
            StoreError::Folder { .. }
            | StoreError::InUse(_)
            | StoreError::NotFound(_)
            | StoreError::Unfinished(_)
            | StoreError::UnsupportedVersion { .. }
            | StoreError::Damaged { .. }
            | StoreError::InGroup(_)
            | StoreError::WrongLog(_)
            | StoreError::PathNotUtf8(_) => Self::CannotStore,
            StoreError::LogUnavailable => Self::LogUnavailable,
            StoreError::CatchingUp => Self::CatchingUp,
            StoreError::LogStopped(reason) => Self::LogStopped(reason),
            StoreError::TooLargeForLog { limit } => Self::BodyTooLarge { limit },
            StoreError::Read(source) => Self::CannotRead(source),
            StoreError::Write | StoreError::NotWritten { .. } => Self::CannotStore,
            StoreError::QueueFull => Self::QueueFull,
            StoreError::DiskFull => Self::DiskFull,
            StoreError::Stopping => Self::Stopping,
        }
    }
}

impl Error {
    /// Returns the machine-readable code; it never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotJson(_) => "not_json",
            Self::BadField { found: "nothing", .. } => "missing_field",
            Self::BadField { .. } => "invalid_field",
            Self::Rejected(reason) => reason.code(),
            Self::MissingDigest => "missing_digest",
            Self::WrongDigest => "wrong_digest",
            Self::BodyBroken => "body_broken",
            Self::BodyTimeout { .. } => "body_too_slow",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::UnsupportedEncoding => "unsupported_encoding",
            Self::NotDecodable { .. } => "not_decodable",
            Self::BodyRatioTooHigh { .. } => "body_ratio_too_high",
            Self::TooManyEvents { .. } => "too_many_events",
            Self::TooManyRecords { .. } => "too_many_records",
            Self::TooManyValues { .. } => "too_many_values",
            Self::UnknownToken => "unknown_token",
            Self::Unauthorized => "unauthorized",
            Self::BadPath => "bad_path",
            Self::CrossSite => "cross_site",
            Self::UnknownCustomer => "unknown_customer",
            Self::UnsupportedType => "unsupported_type",
            Self::NotFound => "not_found",
            Self::NoLibrary => "no_page_half",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::TooManyRequests { .. } => "too_many_requests",
            Self::ResponseTimeout { .. } => "answer_too_slow",
            Self::DiskFull => "disk_full",
            Self::QueueFull => "queue_full",
            Self::CannotStore => "cannot_store",
            Self::LogUnavailable => "log_unavailable",
            Self::CatchingUp => "catching_up",
            Self::LogStopped(_) => "log_stopped",
            Self::CannotRead(_) => "cannot_read",
            Self::Projection(ProjectionError::NoEngine) => "no_engine",
            Self::Projection(ProjectionError::NotFresh) => "not_fresh",
            Self::Projection(ProjectionError::Unavailable(_) | ProjectionError::Emptied(_)) => "engine_unavailable",
            Self::Projection(ProjectionError::TooLarge(_)) => "query_too_large",
            Self::Projection(_) => "engine_failed",
            Self::CannotSign => "cannot_sign",
            Self::Stopping => "stopping",
            Self::NoRandomBytes(_) => "server_failed",
        }
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Rejected(RejectReason::EventTooLarge(_)) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotJson(_) | Self::BadField { .. } | Self::BadPath | Self::Rejected(_) | Self::BodyBroken | Self::NotDecodable { .. } => {
                StatusCode::BAD_REQUEST
            }
            Self::BodyTimeout { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::UnsupportedEncoding | Self::UnsupportedType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLarge { .. }
            | Self::BodyRatioTooHigh { .. }
            | Self::TooManyEvents { .. }
            | Self::TooManyRecords { .. }
            | Self::TooManyValues { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownToken | Self::Unauthorized | Self::MissingDigest => StatusCode::UNAUTHORIZED,
            Self::WrongDigest | Self::CrossSite => StatusCode::FORBIDDEN,
            Self::NotFound | Self::UnknownCustomer | Self::NoLibrary => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Projection(ProjectionError::NoEngine) => StatusCode::NOT_IMPLEMENTED,
            Self::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Projection(
                ProjectionError::NotFresh | ProjectionError::TooLarge(_) | ProjectionError::Unavailable(_) | ProjectionError::Emptied(_),
            )
            | Self::QueueFull
            | Self::DiskFull
            | Self::ResponseTimeout { .. }
            | Self::CannotStore
            | Self::LogUnavailable
            | Self::CatchingUp
            | Self::LogStopped(_)
            | Self::CannotRead(_)
            | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::CannotSign | Self::Projection(_) | Self::NoRandomBytes(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Returns the value of `Retry-After` in seconds, or None if the same request would fail again.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooManyRequests { seconds, .. } => Some(*seconds),
            Self::QueueFull | Self::Projection(ProjectionError::NotFresh) => Some(1),
            Self::LogUnavailable | Self::CatchingUp => Some(2),
            Self::DiskFull => Some(60),
            Self::ResponseTimeout { .. }
            | Self::Projection(ProjectionError::TooLarge(_) | ProjectionError::Unavailable(_) | ProjectionError::Emptied(_))
            | Self::CannotStore
            | Self::LogStopped(_)
            | Self::CannotRead(_)
            | Self::Stopping => Some(5),
            _ => None,
        }
    }

    /// Returns the path of the field that caused the error.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Rejected(reason) => reason.field(),
            Self::BadField { field, .. } => Some(field),
            Self::UnknownCustomer => Some("email"),
            Self::TooManyEvents { .. } => Some("events"),
            Self::TooManyRecords { .. } => Some("batch"),
            _ => None,
        }
    }

    /// Returns the limit that was exceeded.
    pub fn limit(&self) -> Option<usize> {
        match self {
            Self::Rejected(RejectReason::EventTooLarge(_)) => Some(limits::MAX_EVENT_BYTES),
            Self::Rejected(RejectReason::StringTooLong { .. }) => Some(limits::MAX_STRING_BYTES),
            Self::Rejected(
                RejectReason::TooManyElements { limit, .. } | RejectReason::TooManyValues { limit } | RejectReason::TooManyTags { limit },
            ) => Some(*limit),
            Self::BodyTooLarge { limit }
            | Self::BodyRatioTooHigh { limit }
            | Self::TooManyEvents { limit, .. }
            | Self::TooManyRecords { limit }
            | Self::TooManyValues { limit } => Some(*limit),
            _ => None,
        }
    }
}
