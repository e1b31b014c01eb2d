//! Checks that the release binary does not depend on the checkout.
//!
//! The check copies the binary and the DuckDB library to an empty folder and starts the copy there. The dynamic loader reports which library
//! file it loaded; a path in the checkout fails the check. Without the library beside it the loader must find none: a second folder that it
//! searches would let any user who can write there run code in the collector.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::result::CheckResult;
use crate::context::Context;
use crate::{build, process};

pub(super) fn run(context: &Context) -> Result<CheckResult> {
    let folder = std::env::temp_dir().join(format!("tillroll-moved-{}", std::process::id()));
    let result = copy_to(context, &folder).and_then(|binary| check_copy(&folder, &binary));
    let _ = std::fs::remove_dir_all(&folder);
    result
}

fn check_copy(folder: &Path, binary: &Path) -> Result<CheckResult> {
    let version = process::run_captured(command_in(folder, binary).arg("--version"))?;
    println!("{} runs from {}", version.trim(), folder.display());
    let loaded = process::run_captured(command_in(folder, binary).env("LD_TRACE_LOADED_OBJECTS", "1"))?;
    let engine = loaded.lines().find(|line| build::ENGINE_LIBRARIES.iter().any(|name| line.contains(name)));
    let is_in_folder = engine.is_none_or(|line| line.contains(&*folder.to_string_lossy()));
    println!("{}", engine.map_or("the binary was built without DuckDB", str::trim));
    let is_found_elsewhere = engine.is_some() && is_found_without_copy(folder, binary)?;
    Ok(if is_in_folder && !is_found_elsewhere { CheckResult::PASSED } else { CheckResult::FAILED })
}

/// Removes the copy of the library, and returns whether the loader finds another one.
fn is_found_without_copy(folder: &Path, binary: &Path) -> Result<bool> {
    for name in build::ENGINE_LIBRARIES {
        let _ = std::fs::remove_file(folder.join(name));
    }
    let loaded = process::run_captured(command_in(folder, binary).env("LD_TRACE_LOADED_OBJECTS", "1"))?;
    let engine = loaded.lines().find(|line| build::ENGINE_LIBRARIES.iter().any(|name| line.contains(name)));
    println!("without the copy: {}", engine.map_or("", str::trim));
    Ok(engine.is_none_or(|line| !line.contains("not found")))
}

fn command_in(folder: &Path, binary: &Path) -> Command {
    let mut command = Command::new(binary);
    command.current_dir(folder).env_clear();
    command
}

fn copy_to(context: &Context, folder: &Path) -> Result<PathBuf> {
    let binary = context.collector_binary();
    let libraries = build::ENGINE_LIBRARIES.iter().map(|name| binary.with_file_name(name)).filter(|file| file.is_file());
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for file in std::iter::once(binary.clone()).chain(libraries) {
        let copy = folder.join(file.file_name().unwrap_or_default());
        std::fs::copy(&file, &copy).with_context(|| format!("cannot copy {} to {}", file.display(), copy.display()))?;
    }
    Ok(folder.join(binary.file_name().unwrap_or_default()))
}
