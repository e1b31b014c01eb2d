//! The errors of requests: code, HTTP status, `Retry-After`, field and limit of each, by exhaustive matches.
//!
//! The display text is for people and may change. [`Error::code`] is for programs and never changes.

use std::io;

use axum::http::StatusCode;
use tillroll_protocol::limits;

use crate::import::ImportError;
use crate::ingest::decode::RejectReason;
use crate::store::StoreError;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The body of a request is no JSON.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// A field of a request is not what it should be.
    #[error("`{field}` must be {wanted}, found {found}")]
    BadField {
        /// The field's name, as the caller wrote it.
        field: &'static str,
        /// What would have been right.
        wanted: &'static str,
        /// The kind of value that was there instead.
        found: &'static str,
    },
    /// The one event or record that a request carried was refused.
    #[error("{0}")]
    Rejected(RejectReason),
    /// The signature over the body is missing.
    #[error("the header X-Digest is missing: the hexadecimal HMAC-SHA256 of the body, keyed by the project's secret")]
    MissingDigest,
    /// The signature over the body is another body's, or made with another secret.
    #[error("the header X-Digest is not the hexadecimal HMAC-SHA256 of this body, keyed by the project's secret")]
    WrongDigest,
    /// The connection broke in the middle of a body.
    #[error("the body ended before it was complete")]
    BodyBroken,
    /// A body came too slowly.
    #[error("the body did not arrive in {seconds} seconds")]
    BodyTimeout {
        /// How long the collector waited.
        seconds: u64,
    },
    /// A body is too long.
    #[error("the body is larger than the limit of {limit} bytes")]
    BodyTooLarge {
        /// The most that is taken, in bytes.
        limit: usize,
    },
    /// A batch holds too many events.
    #[error("the batch holds {found} events, the limit is {limit}")]
    TooManyEvents {
        /// How many there are.
        found: usize,
        /// How many are taken.
        limit: usize,
    },
    /// No project has this token.
    #[error("no project has this token")]
    UnknownToken,
    /// The caller did not prove to own a project.
    #[error("HTTP Basic authentication with a project's TOKEN:SECRET is needed")]
    Unauthorized,
    /// Nothing is served at this address.
    #[error("nothing is served at this address")]
    NotFound,
    /// The page's half is missing in this build.
    #[error("this collector was built without the page's half: run `cargo xtask build`, or start it with --assets DIR")]
    NoLibrary,
    /// The address takes other methods.
    #[error("this address does not take this method")]
    MethodNotAllowed,
    /// One address, or one project, asks more often than it may.
    #[error("too many requests from this {scope}; try again in {seconds} s")]
    TooManyRequests {
        /// What the limit applies to: `address` or `project`.
        scope: &'static str,
        /// After how many seconds the next one is taken.
        seconds: u64,
    },
    /// The answer took longer than an answer may take.
    #[error("the answer took longer than {seconds} seconds")]
    ResponseTimeout {
        /// How long the collector waited.
        seconds: u64,
    },
    /// The disk is so full that new events would take the room that is needed to make room.
    #[error("the disk is almost full; nothing of this request was acknowledged")]
    DiskFull,
    /// More waits to be stored than the collector is ready to hold.
    #[error("more waits to be stored than the collector can hold; try again")]
    QueueFull,
    /// The store did not take what it was given; nothing of it counts as stored.
    #[error("the store cannot write at the moment; nothing of this request was acknowledged")]
    CannotStore,
    /// The store could not be read.
    #[error("the store cannot be read at the moment")]
    CannotRead(#[source] rusqlite::Error),
    /// This build cannot answer metrics queries.
    #[error("this collector was built without its analytics engine: build it with the feature `duckdb`")]
    NoEngine,
    /// The projection has not come as far as the store in the time that a request may wait.
    #[error("the records are not as fresh as was asked for yet; try again")]
    NotFresh,
    /// The analytics engine failed.
    #[error("the analytics engine failed")]
    Engine(String),
    /// An access token cannot be signed.
    #[error("the access token cannot be signed: the keys in the data folder cannot be used")]
    CannotSign,
    /// A task of the collector ended before its time.
    #[error("the collector is stopping")]
    Stopping,

    /// The system returned no random bytes.
    #[error("the system returned no random bytes: {0}")]
    NoRandomBytes(#[source] io::Error),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Open { source, .. } => Self::CannotRead(source),
            // The server opens the store before it serves requests, so these do not occur in a request.
            StoreError::Folder { .. }
            | StoreError::InUse(_)
            | StoreError::NotFound(_)
            | StoreError::UnsupportedVersion { .. }
            | StoreError::Damaged { .. }
            | StoreError::PathNotUtf8(_) => Self::CannotStore,
            StoreError::Read(source) => Self::CannotRead(source),
            StoreError::Write => Self::CannotStore,
            StoreError::QueueFull => Self::QueueFull,
            StoreError::DiskFull => Self::DiskFull,
            StoreError::Stopping => Self::Stopping,
        }
    }
}

impl From<ImportError> for Error {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Store(error) => error.into(),
            ImportError::Stopping => Self::Stopping,
        }
    }
}

impl Error {
    /// Returns the error's name for programs; it never changes.
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
            Self::TooManyEvents { .. } => "too_many_events",
            Self::UnknownToken => "unknown_token",
            Self::Unauthorized => "unauthorized",
            Self::NotFound => "not_found",
            Self::NoLibrary => "no_page_half",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::TooManyRequests { .. } => "too_many_requests",
            Self::ResponseTimeout { .. } => "answer_too_slow",
            Self::DiskFull => "disk_full",
            Self::QueueFull => "queue_full",
            Self::CannotStore => "cannot_store",
            Self::CannotRead(_) => "cannot_read",
            Self::NoEngine => "no_engine",
            Self::NotFresh => "not_fresh",
            Self::Engine(_) => "engine_failed",
            Self::CannotSign => "cannot_sign",
            Self::Stopping => "stopping",
            Self::NoRandomBytes(_) => "server_failed",
        }
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Rejected(RejectReason::EventTooLarge(_)) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotJson(_) | Self::BadField { .. } | Self::Rejected(_) | Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::BodyTimeout { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge { .. } | Self::TooManyEvents { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownToken | Self::Unauthorized | Self::MissingDigest => StatusCode::UNAUTHORIZED,
            Self::WrongDigest => StatusCode::FORBIDDEN,
            Self::NotFound | Self::NoLibrary => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NoEngine => StatusCode::NOT_IMPLEMENTED,
            Self::CannotSign | Self::Engine(_) | Self::NoRandomBytes(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::NotFresh
            | Self::QueueFull
            | Self::DiskFull
            | Self::ResponseTimeout { .. }
            | Self::CannotStore
            | Self::CannotRead(_)
            | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Returns after how many seconds the same request may succeed, where waiting helps.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooManyRequests { seconds, .. } => Some(*seconds),
            Self::QueueFull | Self::NotFresh => Some(1),
            Self::DiskFull => Some(60),
            Self::ResponseTimeout { .. } | Self::CannotStore | Self::CannotRead(_) | Self::Stopping => Some(5),
            _ => None,
        }
    }

    /// Returns the field that is to blame, where one is.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Rejected(reason) => reason.field(),
            Self::BadField { field, .. } => Some(field),
            Self::TooManyEvents { .. } => Some("events"),
            _ => None,
        }
    }

    /// Returns the limit that was passed, where one was.
    pub fn limit(&self) -> Option<usize> {
        match self {
            Self::Rejected(RejectReason::EventTooLarge(_)) => Some(limits::MAX_EVENT_BYTES),
            Self::Rejected(RejectReason::StringTooLong { .. }) => Some(limits::MAX_STRING_BYTES),
            Self::BodyTooLarge { limit } | Self::TooManyEvents { limit, .. } => Some(*limit),
            _ => None,
        }
    }
}

/// Returns an error of the store for the operator, with advice: the message of a command or of the server's start.
pub(crate) fn with_advice(error: StoreError) -> anyhow::Error {
    let advice = match &error {
        StoreError::Folder { .. } => "make it writable or choose another folder with --data",
        StoreError::InUse(_) => "stop the other collector or choose another folder with --data",
        StoreError::NotFound(_) => "choose the data folder with --data",
        StoreError::UnsupportedVersion { .. } => "start the version of Tillroll that wrote it, or choose an empty folder with --data",
        StoreError::Damaged { .. } => "restore a backup",
        StoreError::PathNotUtf8(_) => "choose another path",
        StoreError::DiskFull => "free disk space",
        StoreError::Open { .. } | StoreError::Read(_) | StoreError::Write | StoreError::QueueFull | StoreError::Stopping => {
            return error.into();
        }
    };
    anyhow::anyhow!("{error}; {advice}")
}
