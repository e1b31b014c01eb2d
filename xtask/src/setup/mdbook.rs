//! Installs mdBook, which makes the site of the documents.

use std::path::PathBuf;

use anyhow::Result;

use crate::context::Context;
use crate::process;
use crate::step::Step;

/// Compiles the pinned version below `target/`, which takes less than a minute of processor time.
pub(crate) const MDBOOK: Step = Step { name: "mdBook", has_output: false, run: install };

/// The version of mdBook, with the dependencies that its authors locked.
pub(crate) const VERSION: &str = "0.5.4";
/// Where this task installs it.
const FOLDER: &str = "target/tools/mdbook";

/// Returns the binary.
pub(crate) fn binary(context: &Context) -> PathBuf {
    context.path(FOLDER).join(VERSION).join("bin/mdbook")
}

fn install(context: &mut Context) -> Result<String> {
    if binary(context).is_file() {
        return Ok("present".into());
    }
    // It runs for a second, so optimisation would cost more time than it saves. Its own server and file watcher are not needed.
    let mut cargo = process::cargo(context);
    cargo.args(["install", "--quiet", "--debug", "--locked", "mdbook", "--version", VERSION]);
    cargo.args(["--no-default-features", "--features", "search", "--root"]).arg(context.path(FOLDER).join(VERSION));
    cargo.arg("--target-dir").arg(context.path(FOLDER).join("build")).env("CARGO_PROFILE_DEV_DEBUG", "0");
    process::run_captured(&mut cargo)?;
    Ok("compiled".into())
}
