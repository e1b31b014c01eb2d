//! Why the log cannot be used.

/// An error of the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum LogError {
    /// No server, no quorum, or no space. The same request may succeed later.
    #[error("the log is not available: {0}")]
    Unavailable(String),
    /// The stream does not exist.
    #[error("the stream of the log does not exist; the part about a lost stream in docs/scale-out.md describes what to do")]
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

    /// The log does not hold what this node has applied.
    pub(super) fn set_back(found: &str) -> Self {
        Self::Refused(format!(
            "{found}: the log has lost entries, so the stores of the nodes may differ. The part about a lost stream in docs/scale-out.md \
             describes what to do"
        ))
    }

    /// The log no longer holds the entries after the last one that this node has applied.
    pub(super) fn expired(applied: u64, first: u64) -> Self {
        Self::Refused(format!(
            "this node has applied entry {applied}, and the log begins with entry {first}: it was away for longer than the retention of the \
             log. Fetch the store of a running node into an empty data folder with `tillroll join`"
        ))
    }

    /// The log ends before the last entry that this node has applied.
    pub(super) fn shorter(applied: u64, last: u64) -> Self {
        Self::set_back(&format!("this node has applied entry {applied}, and the log ends with entry {last}"))
    }
}
