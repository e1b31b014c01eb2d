//! `cargo xtask release-check`: lists what the checkout lacks to be a release. If it lacks nothing, builds the release, and records where its
//! files come from in `target/release/provenance.json`.
//!
//! A release has a version with a section in the changelog and a tag, and another checkout can repeat its build: no uncommitted change, and
//! the compiler that `.ci/toolchain` names. Crates and npm packages are pinned by the lock files, whose hashes are recorded.

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

/// The version of all packages.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What decides whether a checkout is a release.
struct Checkout {
    /// The output of `git status --porcelain`.
    changes: String,
    compiler: String,
    pinned_compiler: String,
    changelog: String,
    /// The tags of all commits, and those of the present one.
    tags: Vec<String>,
    tags_here: Vec<String>,
}

/// Checks the checkout, builds and writes the record.
pub(crate) fn run(context: &mut Context) -> Result<()> {
    let checkout = examine(context)?;
    let lacks = checkout.lacks(VERSION);
    if !lacks.is_empty() {
        bail!("this checkout is not the release {VERSION} yet:\n- {}", lacks.join("\n- "));
    }
    step::run(context, &[setup::BUILD, build::PAGE, build::COLLECTOR])?;
    let record = json!({
        "commit": git(context, &["rev-parse", "HEAD"])?,
        "version": VERSION,
        "compiler": checkout.compiler,
        "node": process::run_captured(process::node(context).arg("--version"))?.trim(),
        "inputs": hashes(context, LOCK_FILES.iter().map(|name| context.path(name)))?,
        "outputs": hashes(context, outputs(context).into_iter())?,
    });
    let path = context.collector_binary().with_file_name("provenance.json");
    files::write(&path, format!("{record:#}\n").as_bytes())?;
    println!("{}", path.display());
    Ok(())
}

fn examine(context: &Context) -> Result<Checkout> {
    let tags = |arguments: &[&str]| Ok::<_, anyhow::Error>(git(context, arguments)?.lines().map(str::to_owned).collect());
    Ok(Checkout {
        changes: git(context, &["status", "--porcelain"])?,
        compiler: process::run_captured(Command::new("rustc").current_dir(context.root()).arg("--version"))?.trim().to_owned(),
        pinned_compiler: files::read_text(&context.path(TOOLCHAIN))?.trim().to_owned(),
        changelog: files::read_text(&context.path("CHANGELOG.md"))?,
        tags: tags(&["tag", "--list"])?,
        tags_here: tags(&["tag", "--points-at", "HEAD"])?,
    })
}

impl Checkout {
    /// Returns what is missing for the release of `version`, each with its remedy.
    fn lacks(&self, version: &str) -> Vec<String> {
        let Self { changes, compiler, pinned_compiler: pinned, .. } = self;
        let tag = format!("v{version}");
        let section = self.changelog.lines().find_map(|line| line.strip_prefix("## ")).unwrap_or_default();
        let is_tagged_elsewhere = self.tags.contains(&tag) && !self.tags_here.contains(&tag);
        let rules = [
            (!changes.is_empty(), format!("committed changes: commit or remove\n{changes}")),
            (
                !compiler.starts_with(&format!("rustc {pinned} ")),
                format!("the pinned compiler: this is {compiler}, run with RUSTUP_TOOLCHAIN={pinned}"),
            ),
            (
                section.split(' ').next() != Some(version),
                format!("a section in CHANGELOG.md: the first one is `{section}`, name it `{version}` and the date"),
            ),
            (is_tagged_elsewhere, format!("a new version: the tag {tag} is at another commit, raise `version` in Cargo.toml")),
            (!self.tags.contains(&tag), format!("a tag: `git tag {tag}` once everything else is there")),
        ];
        rules.into_iter().filter_map(|(is_missing, text)| is_missing.then_some(text)).collect()
    }
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

#[cfg(test)]
mod tests {
    use super::Checkout;

    fn checkout(change: impl FnOnce(&mut Checkout)) -> Vec<String> {
        let tags = || vec!["v0.9.0".to_owned(), "v1.0.0".to_owned()];
        let mut checkout = Checkout {
            changes: String::new(),
            compiler: "rustc 1.95.0 (59807616e 2026-04-14)".into(),
            pinned_compiler: "1.95.0".into(),
            changelog: "# Changelog\n\n## 1.0.0 (2026-11-29)\n\n## 0.9.0 (2026-10-01)\n".into(),
            tags: tags(),
            tags_here: tags(),
        };
        change(&mut checkout);
        checkout.lacks("1.0.0").into_iter().map(|text| text.split(':').next().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn a_checkout_that_lacks_nothing_is_a_release() {
        assert!(checkout(|_| ()).is_empty());
    }

    #[test]
    fn everything_that_is_missing_is_listed() {
        assert_eq!(checkout(|checkout| checkout.changes = " M README.md".into()), ["committed changes"]);
        assert_eq!(checkout(|checkout| checkout.compiler = "rustc 1.95.1 (…)".into()), ["the pinned compiler"]);
        assert_eq!(checkout(|checkout| checkout.changelog.insert_str(13, "## Unreleased\n\n")), ["a section in CHANGELOG.md"]);
        assert_eq!(checkout(|checkout| checkout.tags_here.clear()), ["a new version"]);
        let new = checkout(|checkout| {
            checkout.tags.clear();
            checkout.tags_here.clear();
            checkout.changelog.clear();
        });
        assert_eq!(new, ["a section in CHANGELOG.md", "a tag"]);
    }
}
