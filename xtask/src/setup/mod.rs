//! Installs what the machine lacks; takes milliseconds when nothing is missing.
//!
//! Each task asks for the group of steps it needs. A step looks for files instead of asking an installer, so a complete machine works
//! offline.

mod browsers;
mod cargo_deny;
mod chdb;
mod debian;
mod examples;
mod libfaketime;
mod mdbook;
mod nats;
mod wasm_pack;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::context::Context;
use crate::step::Step;
use crate::{files, process};

pub(crate) use browsers::BROWSERS;
pub(crate) use cargo_deny::{CARGO_DENY, binary as cargo_deny_binary};
pub(crate) use chdb::{CHDB, folder as chdb_folder};
pub(crate) use debian::ALL_ENGINES;
pub(crate) use examples::EXAMPLES;
pub(crate) use libfaketime::{LIBFAKETIME, library as libfaketime};
pub(crate) use mdbook::{MDBOOK, VERSION as MDBOOK_VERSION, binary as mdbook_binary};
pub(crate) use nats::{NATS, nats_binary};
pub(crate) use wasm_pack::{WASM_PACK, folder as wasm_pack_folder};

const MIN_NODE_MAJOR: u32 = 20;

/// The tools that the build needs.
pub(crate) const BUILD: &[Step] = &[
    Step { name: "Rust: wasm target and library source", has_output: false, run: wasm_toolchain },
    Step { name: "Node packages", has_output: false, run: node_packages },
    MDBOOK,
];

/// The linters that run without a build.
pub(crate) const NODE: &[Step] = &[BUILD[1]];
/// `cargo fmt`.
pub(crate) const RUSTFMT: &[Step] = &[Step { name: "Rust: formatter", has_output: false, run: rustfmt }];
/// `cargo clippy`.
pub(crate) const CLIPPY: &[Step] = &[Step { name: "Rust: linter", has_output: false, run: clippy }];

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
