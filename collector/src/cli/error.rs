//! Why a command of the command line failed, each with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// There is no store in the folder.
    #[error("there is no store in {}; say where it is with --data", .0.display())]
    NoStore(PathBuf),
    /// Several projects, and none is named; or none at all.
    #[error("the data folder holds these projects: {0}; choose one with --project TOKEN")]
    WhichProject(String),
    /// No such project.
    #[error("the data folder holds no project {token}, but {known}")]
    NoProject {
        /// What was asked for.
        token: String,
        /// What there is.
        known: String,
    },
    /// A server has the folder.
    #[error("a server uses the data folder {}; import through it with --server URL, or stop it", .0.display())]
    InUse(PathBuf),
    /// A cursor of something else.
    #[error("--after is not a cursor of an earlier export of these")]
    Cursor,
    /// A file cannot be read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// The verb.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A name that the store cannot write to.
    #[error("{} is not a name in UTF-8; choose another", .0.display())]
    Path(PathBuf),
    /// A line that no request may be as long as.
    #[error("line {line} is longer than {limit} bytes; this is hardly a file of JSON lines")]
    LongLine {
        /// Its number, from 1.
        line: usize,
        /// The longest there may be.
        limit: usize,
    },
    /// The owner's keys are needed.
    #[error("a server takes imports from owners alone: give --owner TOKEN:SECRET, or set TILLROLL_OWNER")]
    NoOwner,
    /// The server could not be asked.
    #[error("the server at {url} does not answer: {reason}")]
    NoAnswer {
        /// Its address.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The server did not do it.
    #[error("the server refuses with {status}: {message}")]
    Refused {
        /// Its status.
        status: u16,
        /// What it said.
        message: String,
    },
    /// Some lines were not taken.
    #[error("{0} lines were not taken, told above; the others were")]
    NotTaken(usize),
    /// A folder in the place of a backup that is no backup.
    #[error("{} is there already and is no backup; choose another place", .0.display())]
    Foreign(PathBuf),
    /// Something that should be a backup and is not.
    #[error("{} cannot be restored: {reason}", path.display())]
    NotBackup {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A data folder that holds something.
    #[error("the data folder {} is not empty; move it away, or choose another with --data", .0.display())]
    NotEmpty(PathBuf),
    /// A thread of ours ended before its time.
    #[error("the work ended before its time")]
    Broken,
}

impl Fault {
    /// Returns the fault of a file.
    pub fn file(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { doing, path: path.to_owned(), source }
    }

    /// Returns the fault's name for programs; it never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoStore(_) => "no_store",
            Self::WhichProject(_) => "which_project",
            Self::NoProject { .. } => "no_project",
            Self::InUse(_) => "in_use",
            Self::Cursor => "invalid_cursor",
            Self::File { .. } => "file",
            Self::Path(_) => "path",
            Self::LongLine { .. } => "long_line",
            Self::NoOwner => "no_owner",
            Self::NoAnswer { .. } => "no_answer",
            Self::Refused { .. } => "refused",
            Self::NotTaken(_) => "not_taken",
            Self::Foreign(_) => "foreign_folder",
            Self::NotBackup { .. } => "not_a_backup",
            Self::NotEmpty(_) => "not_empty",
            Self::Broken => "broken",
        }
    }
}
