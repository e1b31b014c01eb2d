//! What can stop a chore, each with what to do about it.
//!
//! The text is for a person and may change; `code()` is for a script and does not.

use std::path::PathBuf;

use thiserror::Error;

/// Why a chore stopped.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// The workspace was not found above the current folder.
    #[error("this folder is in no Tillroll workspace; run `cargo xtask` inside the checkout")]
    NoWorkspace,
    /// A file could not be read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// The verb: read, write, remove.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A program could not be started.
    #[error("cannot start `{program}`: {source}; {remedy}")]
    Start {
        /// Its name.
        program: String,
        /// What the system said.
        source: std::io::Error,
        /// What to install.
        remedy: &'static str,
    },
    /// A program ran and failed. Its own words were shown, or are here.
    #[error("`{command}` failed ({status}){said}")]
    Failed {
        /// The command line.
        command: String,
        /// Its exit status.
        status: std::process::ExitStatus,
        /// What it printed, when that was held back.
        said: String,
    },
    /// Something that no step may install is missing or too old.
    #[error("{missing}; {remedy}")]
    Missing {
        /// What is missing.
        missing: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The glue between JavaScript and WebAssembly could not be made.
    #[error("no glue for the core: {0}; the crate wasm-bindgen and xtask's wasm-bindgen-cli-support must be of one version")]
    Glue(String),
    /// A file that a page downloads is too big.
    #[error("over budget: {0}; make it smaller, the limit in xtask/src/size.rs stays")]
    Budget(String),
    /// The install guide contains another inline snippet than the build.
    #[error("docs/install.md does not contain the {0} of this build; paste what `cargo xtask build` prints")]
    Snippet(String),
    /// House rules are broken; each was printed with its place.
    #[error("{0} house rules broken, listed above with what to do")]
    Untidy(usize),
    /// A step that failed earlier in this run is needed again.
    #[error("not run, because the step `{0}` failed above")]
    Before(&'static str),
    /// No check has that name.
    #[error("no check is called `{0}`; `cargo xtask test --list` names them")]
    NoCheck(String),
    /// The demo's history was not taken.
    #[error("the history was not brought: {0}")]
    History(String),
    /// The collector ended before it accepted connections.
    #[error(
        "the collector stopped before it was ready ({0}); its own message is above. If the port is taken, choose another with --listen 127.0.0.1:7071"
    )]
    NotReady(std::process::ExitStatus),
}

impl Error {
    /// The stable name of this kind of failure.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::NoWorkspace => "no_workspace",
            Self::File { .. } => "file",
            Self::Start { .. } => "start",
            Self::Failed { .. } => "failed",
            Self::Missing { .. } => "missing",
            Self::Glue(_) => "glue",
            Self::Budget(_) => "budget",
            Self::Snippet(_) => "snippet",
            Self::Untidy(_) => "untidy",
            Self::Before(_) => "before",
            Self::NoCheck(_) => "no_check",
            Self::History(_) => "history",
            Self::NotReady(_) => "not_ready",
        }
    }
}
