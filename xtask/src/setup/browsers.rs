//! Finds or installs the browsers for tests.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::context::Context;
use crate::process;
use crate::step::Step;

/// The browsers for tests.
pub(crate) const BROWSERS: &[Step] = &[
    Step { name: "Chromium", has_output: false, run: chromium },
    Step { name: "Firefox and WebKit", has_output: false, run: other_engines },
];

/// The environment variable that makes tests fail if a browser engine is missing.
pub(crate) const ALL_ENGINES: &str = "TILLROLL_ALL_ENGINES";

const CHROMIUM_NAMES: &[&str] = &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

fn chromium(context: &mut Context) -> Result<String> {
    let from_env = std::env::var_os("CHROMIUM").map(PathBuf::from).filter(|file| file.is_file());
    if let Some(found) = from_env.or_else(|| process::find_on_path(CHROMIUM_NAMES)) {
        let note = found.display().to_string();
        context.chromium = Some(found);
        return Ok(note);
    }
    let installed = apt_install(&["chromium"]);
    context.chromium = process::find_on_path(CHROMIUM_NAMES);
    if context.chromium.is_none() {
        let advice = "install it (Debian: apt-get install chromium), or set CHROMIUM to its path";
        bail!("no Chromium for the tests{}; {advice}", in_parentheses(installed));
    }
    Ok("installed".into())
}

/// Programs of the other engines, and the Debian package of each.
const OTHER_ENGINES: [(&[&str], &str); 3] =
    [(&["firefox-esr", "firefox"], "firefox-esr"), (&["WebKitWebDriver"], "webkit2gtk-driver"), (&["Xvfb"], "xvfb")];

/// Installs missing engines only with `--all-engines`; without it, the tests use the engines that are present.
fn other_engines(context: &mut Context) -> Result<String> {
    let missing = || OTHER_ENGINES.iter().filter(|(names, _)| process::find_on_path(names).is_none()).map(|(_, package)| *package);
    let packages: Vec<_> = missing().collect();
    if packages.is_empty() {
        return Ok("present".into());
    }
    if !context.test_env.iter().any(|(name, _)| *name == ALL_ENGINES) {
        return Ok(format!("optional, not installed: {}", packages.join(", ")));
    }
    let installed = apt_install(&packages);
    if missing().next().is_some() {
        let advice = "install them (Debian: apt-get install firefox-esr webkit2gtk-driver xvfb), or omit --all-engines";
        bail!("browser engines are missing{}; {advice}", in_parentheses(installed));
    }
    Ok("installed".into())
}

fn in_parentheses(installed: Result<()>) -> String {
    installed.err().map(|error| format!(" ({error:#})")).unwrap_or_default()
}

fn apt_install(packages: &[&str]) -> Result<()> {
    let is_root = process::run_captured(Command::new("id").arg("-u"))?.trim() == "0";
    let prefix: &[&str] = if is_root { &["env"] } else { &["sudo", "-n", "env"] };
    for arguments in [&["apt-get", "update"][..], &[&["apt-get", "install", "-y"], packages].concat()] {
        let mut command = Command::new(prefix[0]);
        command.args(&prefix[1..]).arg("DEBIAN_FRONTEND=noninteractive").args(arguments);
        process::run_captured(&mut command)?;
    }
    Ok(())
}
