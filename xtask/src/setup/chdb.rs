//! Installs chdb, the engine of ClickHouse as a Python module.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::context::Context;
use crate::step::Step;
use crate::{files, process};

/// Installs the pinned version below `target/`: about 530 MB.
pub(crate) const CHDB: &[Step] = &[Step { name: "chdb (ClickHouse)", has_output: false, run: install }];

/// The package from PyPI that contains the engine, without what only its other interfaces need.
const PACKAGE: &str = "chdb-core";
/// The pinned version: ClickHouse 26.9.
const VERSION: &str = "26.9.0";
/// Where this task installs it.
const FOLDER: &str = "target/tools/chdb";

/// Returns the folder in which Python finds the module.
pub(crate) fn folder(context: &Context) -> PathBuf {
    context.path(FOLDER)
}

fn install(context: &mut Context) -> Result<String> {
    let folder = folder(context);
    // The folder may be kept when the project moves to another version.
    let marker = folder.join("tillroll-version");
    if std::fs::read_to_string(&marker).is_ok_and(|installed| installed == VERSION) {
        return Ok("present".into());
    }
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot delete {}", folder.display()))?;
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--target"]);
    process::run_captured(pip.arg(&folder).arg(format!("{PACKAGE}=={VERSION}")))?;
    files::write(&marker, VERSION.as_bytes())?;
    Ok("installed with pip".into())
}
