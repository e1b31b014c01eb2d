//! Why the log cannot be used.

/// An error of the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum LogError {
    /// No server, no quorum, or no space. The same request may succeed later.
    #[error("the log is not available: {0}")]
    Unavailable(String),
    /// The stream does not exist.
    #[error("the stream of the log does not exist")]
    NoStream,
    /// Another node has created the stream meanwhile.
    #[error("the stream exists already")]
    StreamExists,
    /// This node must not follow the log: an operator has to decide.
    #[error("{0}")]
    Refused(String),
}

impl LogError {
    pub(super) fn unavailable(error: impl std::fmt::Display) -> Self {
        Self::Unavailable(error.to_string())
    }
}
