//! Paths of the workspace, and the results that steps of one run pass to later steps.
//!
//! All paths derive from the workspace root.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The state of one run of one task.
pub(crate) struct Context {
    root: PathBuf,
    /// The file names that `tracking.js` is built with; the build steps fill them.
    pub(crate) assets: Assets,
    /// The Chromium binary for tests; set-up fills it.
    pub(crate) chromium: Option<PathBuf>,
    /// Environment variables for the test runners.
    pub(crate) test_env: Vec<(&'static str, &'static str)>,
}

/// Names of hashed files relative to `dist/`; empty until the build step ran.
#[derive(Default)]
pub(crate) struct Assets {
    /// The ES module that wraps the core.
    pub(crate) core: String,
    /// The core as WebAssembly.
    pub(crate) wasm: String,
    /// Scripts that a page fetches on demand: the constant that names each in the source, and the file.
    pub(crate) on_demand: Vec<(&'static str, String)>,
}

impl Context {
    /// Finds the workspace root from `CARGO_MANIFEST_DIR`, or else above the current folder.
    pub(crate) fn find() -> Result<Self> {
        let start = match std::env::var_os("CARGO_MANIFEST_DIR") {
            Some(folder) => PathBuf::from(folder),
            None => std::env::current_dir().context("cannot read the current folder")?,
        };
        let root = start.ancestors().find(|folder| folder.join("xtask/Cargo.toml").is_file());
        let root = root.context("the current folder is not in a Tillroll workspace; run `cargo xtask` inside the checkout")?;
        Ok(Self { root: root.to_path_buf(), assets: Assets::default(), chromium: None, test_env: Vec::new() })
    }

    /// The workspace root.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Resolves a path relative to the root, written with `/`.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// The release binary of the collector.
    pub(crate) fn collector_binary(&self) -> PathBuf {
        self.path("target/release/tillroll")
    }
}
