//! `cargo xtask package`: builds what an operator and an application developer install, into `target/package/`.
//!
//! An archive for any Linux of this architecture, a Debian package, the npm package, the list of all components (CycloneDX) and the
//! checksums. Two runs on one commit and machine write the same bytes: file times are those of the commit, names are sorted.

mod archive;
mod components;
mod tree;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::context::Context;
use crate::step::{self, Step};
use crate::{build, files, process, setup};

/// The folder of the results, relative to the root.
pub(crate) const FOLDER: &str = "target/package";

/// The checksums of all other files.
const CHECKSUMS: &str = "SHA256SUMS";

/// Packs what the build has made.
pub(crate) const PACK: &[Step] = &[
    Step { name: "files of the packages", has_output: false, run: tree::create },
    Step { name: "archive", has_output: false, run: archive::tar },
    Step { name: "Debian package", has_output: false, run: archive::debian },
    Step { name: "npm archive", has_output: false, run: archive::npm },
    Step { name: "list of components", has_output: false, run: components::write },
    Step { name: "checksums", has_output: false, run: checksums },
];

/// Builds and packs everything, and prints the names of the files.
pub(crate) fn run(context: &mut Context) -> Result<()> {
    step::run(context, &[setup::BUILD, build::PAGE, build::COLLECTOR, PACK])?;
    println!("\n{}", files::read_text(&context.path(FOLDER).join(CHECKSUMS))?.trim_end());
    Ok(())
}

/// Returns the files that are published, sorted.
pub(crate) fn results(context: &Context) -> Result<Vec<PathBuf>> {
    let folder = context.path(FOLDER);
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file()).collect();
    paths.sort();
    Ok(paths)
}

fn checksums(context: &mut Context) -> Result<String> {
    let mut lines = String::new();
    for path in results(context)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name != CHECKSUMS {
            lines += &format!("{}  {name}\n", files::sha256(&[&files::read(&path)?]));
        }
    }
    files::write(&context.path(FOLDER).join(CHECKSUMS), lines.as_bytes())?;
    Ok(String::new())
}

/// Returns the time of the commit, in seconds since 1970, which packed files get; 0 outside a checkout.
fn commit_time(context: &Context) -> String {
    let mut git = Command::new("git");
    git.current_dir(context.root()).args(["log", "-1", "--format=%ct"]);
    process::run_captured(&mut git).map_or_else(|_| "0".into(), |time| time.trim().into())
}

/// The architecture in the names of archives.
fn architecture() -> &'static str {
    std::env::consts::ARCH
}

/// Returns the name that archives and the folders in them have.
fn name() -> String {
    format!("tillroll-{}-linux-{}", env!("CARGO_PKG_VERSION"), architecture())
}
