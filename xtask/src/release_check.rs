//! `cargo xtask release-check`: builds the release, and records where its files come from in `target/release/provenance.json`.
//!
//! It fails if another checkout could not repeat the build: uncommitted changes, or another compiler than `.ci/toolchain` names. Crates and
//! npm packages are pinned by the lock files, whose hashes are recorded.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::step;
use crate::{build, files, process, setup};

/// The file with the version of the compiler.
const TOOLCHAIN: &str = ".ci/toolchain";

/// The files that pin what is downloaded.
const LOCK_FILES: &[&str] = &["Cargo.lock", "package-lock.json"];

/// Checks the checkout, builds and writes the record.
pub(crate) fn run(context: &mut Context) -> Result<()> {
    let changes = git(context, &["status", "--porcelain"])?;
    if !changes.is_empty() {
        bail!("the checkout has uncommitted changes; commit or remove them:\n{changes}");
    }
    let compiler = process::run_captured(Command::new("rustc").current_dir(context.root()).arg("--version"))?.trim().to_owned();
    let pinned = files::read_text(&context.path(TOOLCHAIN))?.trim().to_owned();
    if !compiler.starts_with(&format!("rustc {pinned} ")) {
        bail!("the compiler is {compiler}, releases are built with {pinned}; run with RUSTUP_TOOLCHAIN={pinned}");
    }
    step::run(context, &[setup::BUILD, build::PAGE, build::COLLECTOR])?;
    let record = json!({
        "commit": git(context, &["rev-parse", "HEAD"])?,
        "compiler": compiler,
        "node": process::run_captured(process::node(context).arg("--version"))?.trim(),
        "inputs": hashes(context, LOCK_FILES.iter().map(|name| context.path(name)))?,
        "outputs": hashes(context, outputs(context).into_iter())?,
    });
    let path = context.collector_binary().with_file_name("provenance.json");
    files::write(&path, format!("{record:#}\n").as_bytes())?;
    println!("{}", path.display());
    Ok(())
}

/// Returns the files of a release: the binary, its library, and what pages download.
fn outputs(context: &Context) -> Vec<PathBuf> {
    let binary = context.collector_binary();
    let libraries = build::ENGINE_LIBRARIES.iter().map(|name| binary.with_file_name(name)).filter(|file| file.is_file());
    let programs: Vec<_> = std::iter::once(binary.clone()).chain(libraries).collect();
    [programs, files::list(&context.path("dist"), &|_| true)].concat()
}

/// Returns the SHA-256 hash of each file, by its path in the checkout.
fn hashes(context: &Context, paths: impl Iterator<Item = PathBuf>) -> Result<Map<String, Value>> {
    let name = |path: &Path| path.strip_prefix(context.root()).unwrap_or(path).to_string_lossy().into_owned();
    paths.map(|path| Ok((name(&path), files::sha256(&[&files::read(&path)?]).into()))).collect()
}

fn git(context: &Context, arguments: &[&str]) -> Result<String> {
    Ok(process::run_captured(Command::new("git").current_dir(context.root()).args(arguments))?.trim().to_owned())
}
