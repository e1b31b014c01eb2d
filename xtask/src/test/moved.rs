//! Checks that the release binary needs nothing of the checkout: it and its engine are copied to an empty folder and started there.
//!
//! The system's own loader tells which file it took the engine from. A binary that fell back to the checkout would run here and nowhere
//! else.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::checks::Verdict;
use crate::context::Context;
use crate::error::Error;
use crate::{build, process};

pub(super) fn run(context: &Context) -> Result<Verdict, Error> {
    let folder = std::env::temp_dir().join(format!("tillroll-moved-{}", std::process::id()));
    let outcome = move_to(context, &folder).and_then(|binary| judge(&folder, &binary));
    let _ = std::fs::remove_dir_all(&folder);
    outcome
}

fn judge(folder: &Path, binary: &Path) -> Result<Verdict, Error> {
    let version = process::quiet(at(folder, binary).arg("--version"))?;
    println!("{} runs from {}", version.trim(), folder.display());
    let loaded = process::quiet(at(folder, binary).env("LD_TRACE_LOADED_OBJECTS", "1"))?;
    let engine = loaded.lines().find(|line| build::ENGINES.iter().any(|name| line.contains(name)));
    let taken_along = engine.is_none_or(|line| line.contains(&*folder.to_string_lossy()));
    println!("{}", engine.map_or("it was built without an analytics engine", str::trim));
    Ok(if taken_along { Verdict::PASSED } else { Verdict::FAILED })
}

fn at(folder: &Path, binary: &Path) -> Command {
    let mut command = Command::new(binary);
    command.current_dir(folder).env_clear();
    command
}

fn move_to(context: &Context, folder: &Path) -> Result<PathBuf, Error> {
    let binary = context.binary();
    let beside = build::ENGINES.iter().map(|name| binary.with_file_name(name)).filter(|file| file.is_file());
    let failed = |source| Error::File { doing: "write", path: folder.into(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    for file in std::iter::once(binary.clone()).chain(beside) {
        std::fs::copy(&file, folder.join(file.file_name().unwrap_or_default())).map_err(failed)?;
    }
    Ok(folder.join(binary.file_name().unwrap_or_default()))
}
