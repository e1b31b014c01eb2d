//! Packs the trees with the programs that every Debian and Ubuntu has, so that two runs write the same bytes.

use std::process::Command;

use anyhow::Result;

use super::{FOLDER, commit_time, name, tree};
use crate::context::Context;
use crate::process;

/// Writes `tillroll-VERSION-linux-ARCHITECTURE.tar.gz`.
pub(super) fn tar(context: &mut Context) -> Result<String> {
    let folder = tree::archive_folder(context);
    let archive = context.path(FOLDER).join(name() + ".tar.gz");
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--format=gnu", "--use-compress-program=gzip -9 --no-name"])
        .arg(format!("--mtime=@{}", commit_time(context)))
        .arg("--directory")
        .arg(folder.parent().unwrap_or(&folder))
        .arg("--create")
        .arg("--file")
        .arg(&archive)
        .arg(name());
    process::run_captured(&mut tar)?;
    Ok(String::new())
}

/// Writes the Debian package, where `dpkg-deb` is installed.
pub(super) fn debian(context: &mut Context) -> Result<String> {
    if process::find_on_path(&["dpkg-deb"]).is_none() {
        return Ok("none, because dpkg-deb is not installed".into());
    }
    let mut dpkg = Command::new("dpkg-deb");
    dpkg.args(["--root-owner-group", "-Zgzip", "--build"])
        .arg(tree::debian_folder(context))
        .arg(context.path(FOLDER))
        .env("SOURCE_DATE_EPOCH", commit_time(context));
    process::run_captured(&mut dpkg)?;
    Ok(String::new())
}

/// Writes the archive that `npm publish` uploads. npm itself gives all files the same time.
pub(super) fn npm(context: &mut Context) -> Result<String> {
    let folder = context.path(FOLDER);
    let mut npm = Command::new("npm");
    npm.current_dir(context.root()).args(["pack", "--silent", "--pack-destination"]).arg(&folder).arg(context.path("dist/npm"));
    process::run_captured(&mut npm)?;
    Ok(String::new())
}
