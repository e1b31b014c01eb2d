//! The errors of the projection.

use crate::store::{Position, StoreError};

/// Why the projection cannot answer a query or apply changes.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// This build has no analytics engine.
    #[error("this collector was built without the analytics engine; build it with the feature `duckdb`")]
    NoEngine,
    /// The projection did not catch up with the store within the time that a query waits.
    #[error("the projection has not caught up with the store yet; try again")]
    NotFresh,
    /// The analytics engine failed; the text has the cause and is for the log.
    #[error("the analytics engine failed")]
    Engine(String),
    /// The query needs more memory or temporary space than the analytics engine may use; the text has the cause and is for the log.
    #[error("the query needs more than --analytics-memory and --analytics-temp allow; ask for a shorter period, or raise them")]
    TooLarge(String),
    /// The analytics database does not answer, or refuses this collector; the text has the cause and is for the log.
    #[error("the analytics database is not available; try again later")]
    Unavailable(String),
    /// The analytics database has lost the tables, for example because an operator has created it again; the text has the cause and is for the log.
    #[error("the analytics database is not available; try again later")]
    Emptied(String),
    /// The projection has changed under its writer, whose position no longer holds.
    #[error("the analytics database has another position than expected")]
    Moved,
    /// The analytics database contains more of the group's log than the store.
    #[error("the analytics database is ahead of the store; this collector fills it once it has caught up with the log")]
    Ahead(Position),
    /// The change feed of the store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The collector is stopping.
    #[error("the collector is stopping")]
    Stopping,
}

impl ProjectionError {
    /// Returns the text for the log, if there is one.
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Engine(cause) | Self::TooLarge(cause) | Self::Unavailable(cause) | Self::Emptied(cause) => Some(cause),
            Self::NoEngine | Self::NotFresh | Self::Moved | Self::Ahead(_) | Self::Store(_) | Self::Stopping => None,
        }
    }
}
