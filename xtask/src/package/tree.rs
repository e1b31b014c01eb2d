//! The files of the packages: one tree for the archive, and one as Debian installs it.
//!
//! The binary finds its DuckDB library in its own folder only, so both are installed side by side, and `/usr/bin/tillroll` is a link.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{FOLDER, name};
use crate::context::Context;
use crate::{build, files, process};

/// Files of the checkout that the archive contains.
const DOCUMENTS: &[&str] =
    &["CHANGELOG.md", "LICENSE", "LICENSE-APACHE", "LICENSE-MIT", "collector/package/tillroll.service", "collector/package/tillroll.toml"];

/// The shells, and the path of their completions below `/usr/share`.
const COMPLETIONS: &[(&str, &str)] = &[
    ("bash", "bash-completion/completions/tillroll"),
    ("zsh", "zsh/vendor-completions/_tillroll"),
    ("fish", "fish/vendor_completions.d/tillroll.fish"),
];

/// The JSON schema of the configuration file.
const SCHEMA: &str = "tillroll.schema.json";

/// The folder of the archive's files.
pub(super) fn archive_folder(context: &Context) -> PathBuf {
    context.path(FOLDER).join("archive").join(name())
}

/// The root folder of the Debian package.
pub(super) fn debian_folder(context: &Context) -> PathBuf {
    context.path(FOLDER).join("debian")
}

/// Deletes both trees and creates them.
pub(super) fn create(context: &mut Context) -> Result<String> {
    let folder = context.path(FOLDER);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot delete {}", folder.display()))?;
    }
    create_archive(context)?;
    create_debian(context)?;
    Ok(String::new())
}

fn create_archive(context: &Context) -> Result<()> {
    let folder = archive_folder(context);
    install_programs(context, &folder)?;
    for document in DOCUMENTS {
        let name = Path::new(document).file_name().unwrap_or_default();
        install(&context.path(document), &folder.join(name), 0o644)?;
    }
    write(&folder.join("man/tillroll.1"), &generated(context, &["man"])?, 0o644)?;
    write(&folder.join(SCHEMA), &generated(context, &["config", "schema"])?, 0o644)?;
    for (shell, path) in COMPLETIONS {
        let name = Path::new(path).file_name().unwrap_or_default();
        write(&folder.join("completions").join(shell).join(name), &generated(context, &["completions", shell])?, 0o644)?;
    }
    Ok(())
}

fn create_debian(context: &Context) -> Result<()> {
    let root = debian_folder(context);
    install_programs(context, &root.join("usr/lib/tillroll"))?;
    std::fs::create_dir_all(root.join("usr/bin"))?;
    symlink("../lib/tillroll/tillroll", root.join("usr/bin/tillroll"))?;
    install(&context.path("collector/package/tillroll.service"), &root.join("usr/lib/systemd/system/tillroll.service"), 0o644)?;
    install(&context.path("collector/package/tillroll.toml"), &root.join("etc/tillroll.toml"), 0o640)?;
    write(&root.join("usr/share/man/man1/tillroll.1"), &generated(context, &["man"])?, 0o644)?;
    write(&root.join("usr/share/tillroll").join(SCHEMA), &generated(context, &["config", "schema"])?, 0o644)?;
    for (shell, path) in COMPLETIONS {
        write(&root.join("usr/share").join(path), &generated(context, &["completions", shell])?, 0o644)?;
    }
    for license in ["LICENSE", "LICENSE-APACHE", "LICENSE-MIT", "CHANGELOG.md"] {
        install(&context.path(license), &root.join("usr/share/doc/tillroll").join(license), 0o644)?;
    }
    for script in ["postinst", "prerm", "postrm"] {
        install(&context.path("collector/package/debian").join(script), &root.join("DEBIAN").join(script), 0o755)?;
    }
    write(&root.join("DEBIAN/conffiles"), b"/etc/tillroll.toml\n", 0o644)?;
    write(&root.join("DEBIAN/control"), control(&root)?.as_bytes(), 0o644)
}

/// Returns the description of the Debian package.
fn control(root: &Path) -> Result<String> {
    let bytes: u64 = files::list(root, &|_| true).iter().filter_map(|file| file.symlink_metadata().ok()).map(|file| file.len()).sum();
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    Ok(format!(
        "Package: tillroll\nVersion: {}\nArchitecture: {architecture}\nMaintainer: Tillroll <maintainers@tillroll.example>\n\
         Installed-Size: {}\nDepends: libc6, libstdc++6, libgcc-s1, passwd\nSection: web\nPriority: optional\n\
         Homepage: https://github.com/tillroll/tillroll\n\
         Description: First-party tracking for online shops: the collector\n \
         Receives the events of a shop's pages, stores them durably and once,\n \
         and serves exports, metrics queries, reports and a live view.\n",
        env!("CARGO_PKG_VERSION"),
        bytes.div_ceil(1024),
    ))
}

fn install_programs(context: &Context, folder: &Path) -> Result<()> {
    let binary = context.collector_binary();
    install(&binary, &folder.join("tillroll"), 0o755)?;
    for name in build::ENGINE_LIBRARIES {
        let library = binary.with_file_name(name);
        if library.is_file() {
            install(&library, &folder.join(name), 0o644)?;
        }
    }
    Ok(())
}

/// Returns what the program itself prints.
fn generated(context: &Context, arguments: &[&str]) -> Result<Vec<u8>> {
    process::run_captured(Command::new(context.collector_binary()).args(arguments)).map(String::into_bytes)
}

fn install(source: &Path, target: &Path, mode: u32) -> Result<()> {
    write(target, &files::read(source)?, mode)
}

fn write(target: &Path, content: &[u8], mode: u32) -> Result<()> {
    files::write(target, content)?;
    std::fs::set_permissions(target, PermissionsExt::from_mode(mode)).with_context(|| format!("cannot change {}", target.display()))
}
