//! Checks the packages: a second run writes the same bytes, the archive and the npm package are complete, and the Debian package can be
//! installed, upgraded, removed and purged.
//!
//! dpkg needs root, and changes the machine until the purge. The check skips this part without root, and where tillroll is installed.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::result::CheckResult;
use crate::context::Context;
use crate::{files, package, process, step};

/// Files that the archive has.
const ARCHIVED: &[&str] = &[
    "tillroll",
    "tillroll.service",
    "tillroll.toml",
    "tillroll.schema.json",
    "man/tillroll.1",
    "completions/bash/tillroll",
    "LICENSE-MIT",
];

pub(super) fn run(context: &Context) -> Result<CheckResult> {
    let mut packing = Context::find()?;
    step::run(&mut packing, &[package::PACK])?;
    let first = hashes(context)?;
    step::run(&mut packing, &[package::PACK])?;
    ensure!(first == hashes(context)?, "the second run wrote other bytes than the first");
    let archive = find(context, ".tar.gz")?;
    let listed = process::run_captured(Command::new("tar").arg("--list").arg("--file").arg(&archive))?;
    for name in ARCHIVED {
        ensure!(listed.lines().any(|line| line.ends_with(&format!("/{name}"))), "{} lacks {name}", archive.display());
    }
    check_debian(context)
}

fn check_debian(context: &Context) -> Result<CheckResult> {
    let is_root = process::run_captured(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    let Ok(deb) = find(context, ".deb") else { return Ok(CheckResult::Skipped("dpkg-deb is not installed".into())) };
    // It changes the machine, so it runs only where that is wanted.
    let is_wanted = std::env::var_os("TILLROLL_TEST_INSTALL").is_some();
    if !is_root || !is_wanted || Path::new("/usr/bin/tillroll").exists() || Path::new("/etc/tillroll.toml").exists() {
        return Ok(CheckResult::Skipped(
            "installing the Debian package needs root, TILLROLL_TEST_INSTALL=1, and a machine without tillroll".into(),
        ));
    }
    let result = install_and_use(&deb);
    process::run_captured(Command::new("dpkg").args(["--purge", "tillroll"]))?;
    result?;
    ensure!(!Path::new("/usr/bin/tillroll").exists() && !Path::new("/etc/tillroll.toml").exists(), "the purge left files");
    Ok(CheckResult::PASSED)
}

fn install_and_use(deb: &Path) -> Result<()> {
    let install = || process::run_captured(Command::new("dpkg").arg("--install").arg(deb));
    install()?;
    let version = process::run_captured(Command::new("/usr/bin/tillroll").arg("--version"))?;
    ensure!(version.contains(env!("CARGO_PKG_VERSION")), "the installed program is {version}");
    let mut check = Command::new("runuser");
    check.args(["--user", "tillroll", "--", "/usr/bin/tillroll", "serve", "--config", "/etc/tillroll.toml", "--check-config"]);
    let settings = process::run_captured(&mut check)?;
    ensure!(settings.contains("/var/lib/tillroll"), "the user of the service does not read the settings: {settings}");
    // A change of the settings survives an upgrade.
    let settings = files::read_text(Path::new("/etc/tillroll.toml"))?.replace("7070", "7071");
    files::write(Path::new("/etc/tillroll.toml"), settings.as_bytes())?;
    install()?;
    let kept = files::read_text(Path::new("/etc/tillroll.toml")).context("the upgrade removed the settings")?;
    ensure!(kept == settings, "the upgrade changed the settings");
    Ok(())
}

fn hashes(context: &Context) -> Result<BTreeMap<String, String>> {
    let hash = |path: std::path::PathBuf| Ok((path.display().to_string(), files::sha256(&[&files::read(&path)?])));
    package::results(context)?.into_iter().map(hash).collect()
}

fn find(context: &Context, end: &str) -> Result<std::path::PathBuf> {
    let results = package::results(context)?;
    results.into_iter().find(|path| path.to_string_lossy().ends_with(end)).with_context(|| format!("no file ends in {end}"))
}
