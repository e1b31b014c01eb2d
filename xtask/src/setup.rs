//! Sets up what is missing on a bare machine, and costs next to nothing when nothing is.
//!
//! Each chore asks for the part it needs. What is there is looked for in files, not asked of an installer, so an offline machine that has
//! everything works too.

use std::path::PathBuf;
use std::process::Command;

use crate::context::Context;
use crate::error::Error;
use crate::step::Step;
use crate::{files, process};

/// Tells the tests to insist on all engines.
pub(crate) const ALL_ENGINES: &str = "TILLROLL_ALL_ENGINES";

const OLDEST_NODE: u32 = 20;
const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// What building needs.
pub(crate) const BUILD: &[Step] = &[
    Step { name: "Rust: wasm target and library source", aloud: false, work: rust_for_the_page },
    Step { name: "Node packages", aloud: false, work: node_packages },
];

/// What `cargo fmt` needs.
pub(crate) const FORMATTER: &[Step] = &[Step { name: "Rust: formatter", aloud: false, work: formatter }];
/// What `cargo clippy` needs.
pub(crate) const LINTER: &[Step] = &[Step { name: "Rust: linter", aloud: false, work: linter }];
/// What tests of the page need.
pub(crate) const BROWSER: &[Step] =
    &[Step { name: "Chromium", aloud: false, work: chromium }, Step { name: "Firefox and WebKit", aloud: false, work: other_engines }];

/// A part of the toolchain: where it lies below the sysroot, and what rustup calls it.
type Part = (&'static str, [&'static str; 3]);

fn rust_for_the_page(context: &mut Context) -> Result<String, Error> {
    const PARTS: [Part; 2] = [
        ("lib/rustlib/wasm32-unknown-unknown/lib", ["target", "add", "wasm32-unknown-unknown"]),
        // The page's core compiles the standard library itself.
        ("lib/rustlib/src/rust/library/Cargo.lock", ["component", "add", "rust-src"]),
    ];
    add(context, &PARTS)
}

fn formatter(context: &mut Context) -> Result<String, Error> {
    add(context, &[("bin/rustfmt", ["component", "add", "rustfmt"])])
}

fn linter(context: &mut Context) -> Result<String, Error> {
    add(context, &[("bin/cargo-clippy", ["component", "add", "clippy"])])
}

fn add(context: &Context, parts: &[Part]) -> Result<String, Error> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut rustc = Command::new(rustc);
    let sysroot = process::quiet(rustc.current_dir(context.root()).args(["--print", "sysroot"]))?;
    let sysroot = PathBuf::from(sysroot.trim());
    let missing = |part: &&Part| !sysroot.join(part.0).exists();
    let mut added = Vec::new();
    for (place, words) in parts.iter().filter(missing) {
        // Whoever adds it, what counts is that rustc finds it.
        if process::on_path(&["rustup"]).is_some() {
            process::quiet(Command::new("rustup").current_dir(context.root()).args(words))?;
        }
        if !sysroot.join(place).exists() {
            let missing = format!("Rust has no {} in {}", words[2], sysroot.display());
            let remedy = "install Rust by https://rustup.rs, or add that part by what installed it";
            return Err(Error::Missing { missing, remedy });
        }
        added.push(words[2]);
    }
    Ok(if added.is_empty() { "present".into() } else { format!("added {}", added.join(", ")) })
}

/// `npm ci`, unless it ran for this very lock file. Install scripts stay off: npm 11 leaves them off anyway, and esbuild's would put a
/// machine program in the place of the script that we start with Node.
fn node_packages(context: &mut Context) -> Result<String, Error> {
    let version = process::quiet(process::node(context).arg("--version"))?;
    if major(&version).is_none_or(|major| major < OLDEST_NODE) {
        let missing = format!("Node is {}, and {OLDEST_NODE} is the oldest that works", version.trim());
        return Err(Error::Missing { missing, remedy: "install a newer one, say from https://nodejs.org" });
    }
    let stamp = context.path("node_modules/.tillroll-lock");
    let lock = files::hash(&[&files::read(&context.path("package-lock.json"))?]);
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(format!("present, Node {}", version.trim()));
    }
    let mut npm = Command::new("npm");
    npm.current_dir(context.root()).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    process::quiet(&mut npm)?;
    files::write(&stamp, lock.as_bytes())?;
    Ok("installed".into())
}

fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn chromium(context: &mut Context) -> Result<String, Error> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from).filter(|file| file.is_file());
    if let Some(found) = named.or_else(|| process::on_path(BROWSERS)) {
        let note = found.display().to_string();
        context.chromium = Some(found);
        return Ok(note);
    }
    let installed = install(&["chromium"]);
    context.chromium = process::on_path(BROWSERS);
    if context.chromium.is_some() {
        return Ok("installed".into());
    }
    let reason = installed.err().map(|error| format!(" ({error})")).unwrap_or_default();
    Err(Error::Missing {
        missing: format!("no Chromium for the tests{reason}"),
        remedy: "install it (Debian: apt-get install chromium), or set CHROMIUM to the path of one",
    })
}

/// A program of another engine, and the package that brings it.
const OTHERS: [(&[&str], &str); 3] =
    [(&["firefox-esr", "firefox"], "firefox-esr"), (&["WebKitWebDriver"], "webkit2gtk-driver"), (&["Xvfb"], "xvfb")];

/// Only who insists on all engines gets those that are missing; the tests run in what is there.
fn other_engines(context: &mut Context) -> Result<String, Error> {
    let absent = || OTHERS.iter().filter(|(programs, _)| process::on_path(programs).is_none()).map(|(_, package)| *package);
    let missing: Vec<_> = absent().collect();
    let insisted = context.test_environment.iter().any(|(name, _)| *name == ALL_ENGINES);
    if missing.is_empty() || !insisted {
        return Ok(if missing.is_empty() { "present".into() } else { format!("not all here, which is fine: {}", missing.join(", ")) });
    }
    let installed = install(&missing);
    if absent().next().is_none() {
        return Ok("installed".into());
    }
    let reason = installed.err().map(|error| format!(" ({error})")).unwrap_or_default();
    Err(Error::Missing {
        missing: format!("not all engines are here{reason}"),
        remedy: "install them (Debian: apt-get install firefox-esr webkit2gtk-driver xvfb), or leave --all-engines out",
    })
}

fn install(packages: &[&str]) -> Result<(), Error> {
    let root = process::quiet(Command::new("id").arg("-u"))?.trim() == "0";
    let prefix: &[&str] = if root { &["env"] } else { &["sudo", "-n", "env"] };
    for words in [&["apt-get", "update"][..], &[&["apt-get", "install", "-y"], packages].concat()] {
        let mut command = Command::new(prefix[0]);
        command.args(&prefix[1..]).arg("DEBIAN_FRONTEND=noninteractive").args(words);
        process::quiet(&mut command)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn a_node_version_is_read_by_its_major_number() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("v8.0.0"), Some(8));
        assert_eq!(major("node"), None);
    }
}
