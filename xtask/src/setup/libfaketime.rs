//! Installs libfaketime, with which a process gets another time than the machine has.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::context::Context;
use crate::process;
use crate::step::Step;

/// Installs the pinned version below `target/`.
pub(crate) const LIBFAKETIME: &[Step] = &[Step { name: "libfaketime", has_output: false, run: install }];

/// The package from PyPI that contains the library, and its pinned version.
const PACKAGE: &str = "libfaketime";
const VERSION: &str = "3.0.1";
/// Where this task installs it, and the library therein.
const FOLDER: &str = "target/tools/libfaketime";
const LIBRARY: &str = "libfaketime/vendor/libfaketime/src/libfaketime.so.1";

/// Returns the library, which is preloaded into a process.
pub(crate) fn library(context: &Context) -> PathBuf {
    context.path(FOLDER).join(VERSION).join(LIBRARY)
}

fn install(context: &mut Context) -> Result<String> {
    let library = library(context);
    if library.is_file() {
        return Ok("present".into());
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--target"]);
    process::run_captured(pip.arg(context.path(FOLDER).join(VERSION)).arg(format!("{PACKAGE}=={VERSION}")))?;
    ensure!(library.is_file(), "the package {PACKAGE} contains no {LIBRARY}");
    Ok("installed with pip".into())
}
