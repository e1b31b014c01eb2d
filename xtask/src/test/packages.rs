//! Checks the packages: a second run writes the same bytes, the archive is complete, and the Debian package can be installed, started,
//! upgraded and purged.
//!
//! dpkg needs root, and changes the machine until the purge. The check skips this part without root, and where tillroll is installed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::result::CheckResult;
use crate::context::Context;
use crate::{demo, files, package, process, step};

/// What the Debian package has on the machine: program, settings, unit and data.
const PROGRAM: &str = "/usr/bin/tillroll";
const SETTINGS: &str = "/etc/tillroll.toml";
const UNIT: &str = "/usr/lib/systemd/system/tillroll.service";
const DATA: &str = "/var/lib/tillroll";

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
    if !is_root || !is_wanted || [PROGRAM, SETTINGS, DATA].iter().any(|path| Path::new(path).exists()) {
        return Ok(CheckResult::Skipped(
            "installing the Debian package needs root, TILLROLL_TEST_INSTALL=1, and a machine without tillroll".into(),
        ));
    }
    let result = install_and_use(&deb);
    process::run_captured(Command::new("dpkg").args(["--purge", "tillroll"]))?;
    let has_data = std::fs::read_dir(DATA).is_ok_and(|mut entries| entries.next().is_some());
    // The purge keeps the data of the shop. Those of the check are deleted.
    let _ = std::fs::remove_dir_all(DATA);
    result?;
    ensure!(![PROGRAM, SETTINGS, UNIT].iter().any(|path| Path::new(path).exists()), "the purge left files");
    ensure!(has_data, "the purge deleted the data");
    Ok(CheckResult::PASSED)
}

fn install_and_use(deb: &Path) -> Result<()> {
    let install = || process::run_captured(Command::new("dpkg").arg("--install").arg(deb));
    install()?;
    let version = process::run_captured(Command::new(PROGRAM).arg("--version"))?;
    ensure!(version.contains(env!("CARGO_PKG_VERSION")), "the installed program is {version}");
    let shown = process::run_captured(&mut as_service(&[PROGRAM, "serve", "--config", SETTINGS, "--check-config"]))?;
    ensure!(shown.contains(DATA), "the user of the service does not read the settings: {shown}");
    // Port 0 is any free port. A change of the settings survives an upgrade.
    let settings = files::read_text(Path::new(SETTINGS))?.replace("7070", "0");
    files::write(Path::new(SETTINGS), settings.as_bytes())?;
    start_and_stop().context("after the installation")?;
    install()?;
    let kept = files::read_text(Path::new(SETTINGS)).context("the upgrade removed the settings")?;
    ensure!(kept == settings, "the upgrade changed the settings");
    start_and_stop().context("after the upgrade")
}

/// Runs the command of the unit as systemd does, until the collector is ready, and stops it with the signal that systemd sends.
fn start_and_stop() -> Result<()> {
    let unit = files::read_text(Path::new(UNIT))?;
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).context("the unit has no command")?;
    let mut command = as_service(&line.split(' ').collect::<Vec<_>>());
    let mut collector = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().with_context(|| process::start_failure(&command))?;
    let answer = ask_until_ready(&mut collector);
    kill(Pid::from_raw(collector.id().try_into()?), Signal::SIGTERM)?;
    let status = collector.wait()?;
    ensure!(answer? == 200, "the collector is not ready");
    ensure!(status.success(), "the collector stopped with {status}");
    Ok(())
}

/// Returns the status of `/readyz` at the address that the collector prints.
fn ask_until_ready(collector: &mut Child) -> Result<u16> {
    let mut line = String::new();
    BufReader::new(collector.stdout.take().context("no output")?).read_line(&mut line)?;
    Ok(ureq::get(format!("{}/readyz", demo::address_in(line.trim()))).call()?.status().as_u16())
}

/// Returns a command with the user and the privileges of the service.
fn as_service(arguments: &[&str]) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "tillroll", "--regid", "tillroll", "--init-groups", "--no-new-privs"]).arg("--").args(arguments);
    command
}

fn hashes(context: &Context) -> Result<BTreeMap<String, String>> {
    let hash = |path: std::path::PathBuf| Ok((path.display().to_string(), files::sha256(&[&files::read(&path)?])));
    package::results(context)?.into_iter().map(hash).collect()
}

fn find(context: &Context, end: &str) -> Result<std::path::PathBuf> {
    let results = package::results(context)?;
    results.into_iter().find(|path| path.to_string_lossy().ends_with(end)).with_context(|| format!("no file ends in {end}"))
}
