//! Everything that can go wrong in the collector, in one list.
//!
//! The display text is for people and may change. [`Error::code`] is for programs and may not. What an error means over HTTP, whether it
//! is worth trying again, and whether an operator should hear of it, is each one exhaustive `match`.

use std::{io, path::PathBuf};

use axum::http::StatusCode;
use tillroll_protocol::limits;

use crate::cli::Fault;
use crate::ingest::decode::BodyError;
use crate::ingest::rejection::RejectReason;
use crate::store::StoreError;

/// Why the collector refused something, or did not start.
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

    /// `--listen` cannot be had.
    #[error("cannot listen on {listen}: {source}; choose another address with --listen")]
    Listen {
        /// The address that was asked for.
        listen: String,
        /// What the system said.
        source: io::Error,
    },
    /// The data folder cannot be used.
    #[error("cannot use the data folder {}: {source}; make it writable or choose another with --data", path.display())]
    DataFolder {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another collector uses the data folder.
    #[error("another collector uses the data folder {}; stop it or choose another folder with --data", .0.display())]
    DataInUse(PathBuf),
    /// The store cannot be opened.
    #[error("cannot open the store {}: {source}", path.display())]
    OpenStore {
        /// The store's file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The store has a schema version that this build does not support.
    #[error(
        "the store {} has schema version {found}, this build supports version {supported}; start the version of Tillroll that wrote it, or choose an empty folder with --data",
        path.display()
    )]
    UnsupportedStore {
        /// The store's file.
        path: PathBuf,
        /// The version in the store.
        found: u32,
        /// The version of this build.
        supported: u32,
    },
    /// `--project` cannot be read. The text is not repeated, because it may hold a secret.
    #[error("--project number {number} {reason}; write TOKEN:SECRET")]
    BadProject {
        /// Which one, counted from 1.
        number: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The address to forward to cannot be used. The text is not repeated, because it may hold a secret.
    #[error("the address that events are to be forwarded to {0}")]
    BadForward(&'static str),
    /// How far forwarding has come cannot be kept.
    #[error("cannot keep how far forwarding has come: {0}")]
    Forward(#[source] io::Error),
    /// A command of the command line failed.
    #[error(transparent)]
    Command(#[from] crate::cli::Fault),
    /// The configuration file cannot be read.
    #[error("cannot read the configuration file {}: {reason}", path.display())]
    ConfigFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A setting of the configuration file is none, or its value is not what it should be.
    #[error("{}: `{name}`: {reason}", path.display())]
    Setting {
        /// The file.
        path: PathBuf,
        /// The setting.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A token or a secret cannot be used. The text is not repeated, because it may hold a secret.
    #[error("the project {0}")]
    InvalidCredentials(&'static str),
    /// A project with this token is in use already.
    #[error("this project is there already; `tillroll projects rotate-secret` gives it a new secret")]
    ProjectExists,
    /// No project in the data folder has this token.
    #[error("no project with this token is kept in the data folder; one that is given with --project is changed where it is given")]
    ProjectNotFound,
    /// The server itself failed.
    #[error("the server failed: {0}")]
    Serve(#[source] io::Error),
}

impl From<BodyError> for Error {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::NotJson(message) => Self::NotJson(message),
            BodyError::BadField { field, wanted, found } => Self::BadField { field, wanted, found },
            BodyError::TooManyEvents { found, limit } => Self::TooManyEvents { found, limit },
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Folder { path, source } => Self::DataFolder { path, source },
            StoreError::InUse(folder) => Self::DataInUse(folder),
            StoreError::NotFound(folder) => Fault::NoStore(folder).into(),
            StoreError::Open { path, source } => Self::OpenStore { path, source },
            StoreError::UnsupportedVersion { path, found, supported } => Self::UnsupportedStore { path, found, supported },
            StoreError::Damaged { path, reason } => {
                Fault::NotBackup { path, reason: format!("the store in it is damaged: {reason}") }.into()
            }
            StoreError::PathNotUtf8(path) => Fault::Path(path).into(),
            StoreError::Read(source) => Self::CannotRead(source),
            StoreError::Write => Self::CannotStore,
            StoreError::QueueFull => Self::QueueFull,
            StoreError::DiskFull => Self::DiskFull,
            StoreError::Stopping => Self::Stopping,
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
            Self::Listen { .. } => "cannot_listen",
            Self::DataFolder { .. } => "data_folder",
            Self::DataInUse(_) => "data_in_use",
            Self::OpenStore { .. } => "cannot_open_store",
            Self::UnsupportedStore { found, supported, .. } if found < supported => "older_store",
            Self::UnsupportedStore { .. } => "newer_store",
            Self::BadProject { .. } => "bad_project",
            Self::BadForward(_) => "bad_forward",
            Self::Forward(_) => "forward_failed",
            Self::Command(fault) => fault.code(),
            Self::ConfigFile { .. } => "config_file",
            Self::Setting { .. } => "bad_setting",
            Self::InvalidCredentials(_) => "bad_keys",
            Self::ProjectExists => "project_exists",
            Self::ProjectNotFound => "no_such_project",
            Self::Serve(_) => "server_failed",
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
            Self::CannotSign | Self::Engine(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::NotFresh
            | Self::QueueFull
            | Self::DiskFull
            | Self::ResponseTimeout { .. }
            | Self::CannotStore
            | Self::CannotRead(_)
            | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::Listen { .. }
            | Self::DataFolder { .. }
            | Self::DataInUse(_)
            | Self::OpenStore { .. }
            | Self::UnsupportedStore { .. }
            | Self::BadProject { .. }
            | Self::BadForward(_)
            | Self::Forward(_)
            | Self::Command(_)
            | Self::ConfigFile { .. }
            | Self::Setting { .. }
            | Self::InvalidCredentials(_)
            | Self::ProjectExists
            | Self::ProjectNotFound
            | Self::Serve(_) => StatusCode::INTERNAL_SERVER_ERROR,
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
