//! The checks that run a standard linter.

use anyhow::{Context as _, Result};

use super::result::CheckResult;
use crate::context::Context;
use crate::{process, setup};

pub(super) fn rustfmt(context: &Context) -> Result<CheckResult> {
    process::run_visible(process::cargo(context).args(["fmt", "--all", "--check"])).map(|()| CheckResult::PASSED)
}

pub(super) fn clippy(context: &Context) -> Result<CheckResult> {
    for packages in [&["--workspace", "--all-targets"][..], &["--package", "tillroll", "--lib", "--target", "wasm32-unknown-unknown"]] {
        process::run_visible(process::cargo(context).arg("clippy").args(packages).args(["--", "--deny", "warnings"]))?;
    }
    Ok(CheckResult::PASSED)
}

/// Configured in `eslint.config.mjs`.
pub(super) fn eslint(context: &Context) -> Result<CheckResult> {
    let mut node = process::node(context);
    node.args(["node_modules/eslint/bin/eslint.js", "--max-warnings=0", "."]);
    process::run_visible(&mut node).map(|()| CheckResult::PASSED)
}

/// Configured in `deny.toml`. Advisories need the RustSec database from the network; an offline machine skips them.
pub(super) fn cargo_deny(context: &Context) -> Result<CheckResult> {
    let binary = setup::cargo_deny_binary(context).context("cargo-deny is not installed")?;
    let command = |arguments: &[&str]| {
        let mut command = std::process::Command::new(&binary);
        command.current_dir(context.root()).args(["--log-level", "error"]).args(arguments);
        command
    };
    process::run_visible(&mut command(&["check", "bans", "licenses", "sources"]))?;
    if process::run_captured(&mut command(&["fetch", "db"])).is_err() {
        println!("advisories skipped: the advisory database is not reachable");
        return Ok(CheckResult::PASSED);
    }
    process::run_visible(&mut command(&["check", "--disable-fetch", "advisories"])).map(|()| CheckResult::PASSED)
}
