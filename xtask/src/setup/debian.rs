//! Installs Debian's packages, as root or by `sudo` without a password.

use std::process::Command;

use anyhow::{Result, bail};

use crate::context::Context;
use crate::process;

/// The environment variable that makes tests fail if an optional program, such as a browser engine, is missing.
pub(crate) const ALL_ENGINES: &str = "TILLROLL_ALL_ENGINES";

/// The names of a program, and the package that contains it.
pub(super) type Program = (&'static [&'static str], &'static str);

/// Installs missing programs only with `--all-engines`; without it, the tests use those that are present.
pub(super) fn complete(context: &Context, programs: &[Program]) -> Result<String> {
    let missing = || programs.iter().filter(|(names, _)| process::find_on_path(names).is_none()).map(|(_, package)| *package);
    let packages: Vec<_> = missing().collect();
    if packages.is_empty() {
        return Ok("present".into());
    }
    if !context.test_env.iter().any(|(name, _)| *name == ALL_ENGINES) {
        return Ok(format!("optional, not installed: {}", packages.join(", ")));
    }
    let installed = install(&packages);
    let missing: Vec<_> = missing().collect();
    if !missing.is_empty() {
        let missing = missing.join(" ");
        bail!("missing: {missing}{}; install them (Debian: apt-get install {missing}), or omit --all-engines", reason(installed));
    }
    Ok("installed".into())
}

/// Installs packages.
pub(super) fn install(packages: &[&str]) -> Result<()> {
    let is_root = process::run_captured(Command::new("id").arg("-u"))?.trim() == "0";
    let prefix: &[&str] = if is_root { &["env"] } else { &["sudo", "-n", "env"] };
    for arguments in [&["apt-get", "update"][..], &[&["apt-get", "install", "-y"], packages].concat()] {
        let mut command = Command::new(prefix[0]);
        command.args(&prefix[1..]).arg("DEBIAN_FRONTEND=noninteractive").args(arguments);
        process::run_captured(&mut command)?;
    }
    Ok(())
}

/// Returns why an installation failed, in parentheses.
pub(super) fn reason(installed: Result<()>) -> String {
    installed.err().map(|error| format!(" ({error:#})")).unwrap_or_default()
}
