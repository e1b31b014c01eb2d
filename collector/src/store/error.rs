//! Why the store refuses to open, to read or to write. HTTP and the command line map each variant to their own codes.

use std::io;
use std::path::PathBuf;

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The data folder or a file in it cannot be created, read or locked.
    #[error("cannot use the data folder {}: {source}", path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Another process holds the lock of the data folder.
    #[error("the data folder {} is in use by another collector", .0.display())]
    InUse(PathBuf),
    /// The data folder contains no store.
    #[error("the folder {} contains no store", .0.display())]
    NotFound(PathBuf),
    /// The data folder contains a part of a store: `tillroll restore` or `tillroll join` was interrupted.
    #[error("the data folder {} holds a restore or a join that did not finish", .0.display())]
    Unfinished(PathBuf),
    /// SQLite cannot open the file.
    #[error("cannot open the store {}: {source}", path.display())]
    Open {
        /// The store's file.
        path: PathBuf,
        /// The error of SQLite.
        source: rusqlite::Error,
    },
    /// SQLite cannot write a copy of the store.
    #[error("cannot write {}: {source}", path.display())]
    Copy {
        /// The file of the copy.
        path: PathBuf,
        /// The error of SQLite.
        source: rusqlite::Error,
    },
    /// The file has a schema version that this build does not support.
    #[error("the store {} has schema version {found}, this build supports version {supported}", path.display())]
    UnsupportedVersion {
        /// The store's file.
        path: PathBuf,
        /// The version in the file; 0 if the file was not created by a collector.
        found: u32,
        /// The version of this build.
        supported: u32,
    },
    /// SQLite's integrity check failed.
    #[error("the store {} is damaged: {reason}", path.display())]
    Damaged {
        /// The store's file.
        path: PathBuf,
        /// The first problem that SQLite reports.
        reason: String,
    },
    /// A path that SQLite is given as text is not valid UTF-8.
    #[error("the path {} is not valid UTF-8", .0.display())]
    PathNotUtf8(PathBuf),
    /// A query failed.
    #[error("cannot read the store: {0}")]
    Read(#[source] rusqlite::Error),
    /// A transaction failed. None of its changes was acknowledged.
    #[error("cannot write to the store")]
    Write,
    /// A transaction failed as above, with its cause.
    #[error("cannot write to the store: {cause}")]
    NotWritten {
        /// The message of SQLite.
        cause: String,
        /// Whether the disk is full.
        is_disk_full: bool,
    },
    /// The queue is at its limit of requests or bytes.
    #[error("the write queue is full")]
    QueueFull,
    /// The free disk space is below the reserve.
    #[error("the free disk space is below the reserve")]
    DiskFull,
    /// The replicated log does not accept entries. Nothing of the request was acknowledged.
    #[error("the replicated log is not available")]
    LogUnavailable,
    /// The store has not yet applied what is in the replicated log.
    #[error("this collector has not caught up with the replicated log")]
    CatchingUp,
    /// The store cannot apply the next entry of the replicated log.
    #[error("{0}")]
    LogStopped(String),
    /// A record is larger than a message of the replicated log may be.
    #[error("a record is larger than the {limit} bytes of a message of the replicated log")]
    TooLargeForLog {
        /// The limit of the log's server, in bytes.
        limit: usize,
    },
    /// The store belongs to a group of collectors, and a command or a server without a log would change it.
    #[error("the data folder {} belongs to a group of collectors", .0.display())]
    InGroup(PathBuf),
    /// The store follows another log, or has data that the log does not have.
    #[error("{0}")]
    WrongLog(String),
    /// The store is closing.
    #[error("the store is closing")]
    Stopping,
}
