//! Where things are, and what the steps of one run tell each other.
//!
//! Paths are made here and nowhere else, always from the root of the workspace.

use std::path::{Path, PathBuf};

use crate::error::Error;

/// One run of one chore.
pub(crate) struct Context {
    root: PathBuf,
    /// The addresses that `tracking.js` is built with; filled by the steps that make the files.
    pub(crate) assets: Assets,
    /// The browser for tests, once set-up found one.
    pub(crate) chromium: Option<PathBuf>,
    /// What tests are told by environment variables.
    pub(crate) test_environment: Vec<(&'static str, &'static str)>,
}

/// Names of hashed files, relative to `dist/`; empty until made.
#[derive(Default)]
pub(crate) struct Assets {
    /// The ES module around the core.
    pub(crate) core: String,
    /// The core itself.
    pub(crate) wasm: String,
    /// What is fetched only when a page asks for it: the name that the scripts know it by, and the file.
    pub(crate) later: Vec<(&'static str, String)>,
}

impl Context {
    /// Finds the workspace: cargo says where xtask is; started by hand, it is above the current folder.
    pub(crate) fn find() -> Result<Self, Error> {
        let start = match std::env::var_os("CARGO_MANIFEST_DIR") {
            Some(folder) => PathBuf::from(folder),
            None => std::env::current_dir().map_err(|_| Error::NoWorkspace)?,
        };
        let root = start.ancestors().find(|folder| folder.join("xtask/Cargo.toml").is_file());
        let root = root.ok_or(Error::NoWorkspace)?.to_path_buf();
        Ok(Self { root, assets: Assets::default(), chromium: None, test_environment: Vec::new() })
    }

    /// The root of the workspace.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path from the root, written with `/`.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// The finished collector.
    pub(crate) fn binary(&self) -> PathBuf {
        self.path("target/release/tillroll")
    }
}
