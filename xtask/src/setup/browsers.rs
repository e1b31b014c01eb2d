//! Finds or installs the browsers for tests.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::debian;
use crate::context::Context;
use crate::process;
use crate::step::Step;

/// The browsers for tests.
pub(crate) const BROWSERS: &[Step] = &[
    Step { name: "Chromium", has_output: false, run: chromium },
    Step { name: "Firefox and WebKit", has_output: false, run: other_engines },
];

const CHROMIUM_NAMES: &[&str] = &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

fn chromium(context: &mut Context) -> Result<String> {
    let from_env = std::env::var_os("CHROMIUM").map(PathBuf::from).filter(|file| file.is_file());
    if let Some(found) = from_env.or_else(|| process::find_on_path(CHROMIUM_NAMES)) {
        let note = found.display().to_string();
        context.chromium = Some(found);
        return Ok(note);
    }
    let installed = debian::install(&["chromium"]);
    context.chromium = process::find_on_path(CHROMIUM_NAMES);
    if context.chromium.is_none() {
        let advice = "install it (Debian: apt-get install chromium), or set CHROMIUM to its path";
        bail!("no Chromium for the tests{}; {advice}", debian::reason(installed));
    }
    Ok("installed".into())
}

const OTHER_ENGINES: [debian::Program; 3] =
    [(&["firefox-esr", "firefox"], "firefox-esr"), (&["WebKitWebDriver"], "webkit2gtk-driver"), (&["Xvfb"], "xvfb")];

fn other_engines(context: &mut Context) -> Result<String> {
    debian::complete(context, &OTHER_ENGINES)
}
