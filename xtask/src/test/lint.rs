//! The checks that run a standard linter.

use anyhow::{Context as _, Result};

use super::result::CheckResult;
use crate::context::Context;
use crate::{process, setup, source_hosts};

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

/// Compares the committed table with the public list.
pub(super) fn source_hosts(context: &Context) -> Result<CheckResult> {
    let archive = match source_hosts::download(context) {
        Ok(archive) => archive,
        Err(error) => return Ok(CheckResult::Skipped(format!("{error:#}"))),
    };
    let is_current = source_hosts::is_current(context, &archive)?;
    if !is_current {
        println!("the table differs from the list; run `cargo xtask source-hosts`");
    }
    Ok(if is_current { CheckResult::PASSED } else { CheckResult::FAILED })
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

/// Folders with a lock file of npm: our own, and that of all examples.
const LOCKED_FOLDERS: &[&str] = &["", "examples"];

/// Advisories on the locked npm packages. They come from the registry's audit endpoint, which mirrors and offline machines lack.
pub(super) fn npm_audit(context: &Context) -> Result<CheckResult> {
    let mut total = 0;
    for folder in LOCKED_FOLDERS {
        let mut npm = std::process::Command::new("npm");
        npm.current_dir(context.path(folder)).args(["audit", "--package-lock-only", "--json"]);
        // The exit code does not distinguish between an advisory and an endpoint that is not reachable.
        let output = npm.output().context("npm is not installed")?;
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let Some(found) = report["metadata"]["vulnerabilities"]["total"].as_u64() else {
            let reason = report["message"].as_str().unwrap_or("no answer");
            return Ok(CheckResult::Skipped(format!("the registry's audit endpoint is not reachable ({reason})")));
        };
        if found > 0 {
            println!("{}", String::from_utf8_lossy(&output.stdout));
        }
        total += found;
    }
    Ok(if total == 0 { CheckResult::PASSED } else { CheckResult::FAILED })
}
