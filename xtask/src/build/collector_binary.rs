//! Builds the release binary of the collector and copies DuckDB's shared library beside it.
//!
//! The binary searches the library in its own folder only, so both can be deployed together without the checkout. If no library is
//! available, the collector is built without metrics queries.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::context::Context;
use crate::{files, process};

/// The file name of the DuckDB library on each platform.
pub(crate) const ENGINE_LIBRARIES: &[&str] = &["libduckdb.so", "libduckdb.dylib"];

/// The folder of the library in the npm package; `.cargo/config.toml` has the same path for plain cargo.
const NPM_FOLDER: &str = "node_modules/@duckdb/node-bindings-linux-x64";

/// Compiles the collector, with DuckDB if the library is available.
pub(super) fn compile(context: &mut Context) -> Result<String> {
    let mut cargo = process::cargo(context);
    cargo.args(["build", "--release", "--package", "tillroll-collector", "--bin", "tillroll"]);
    if library(context).is_some() {
        process::run_visible(&mut cargo)?;
        return Ok(String::new());
    }
    process::run_visible(cargo.arg("--no-default-features"))?;
    Ok("without metrics queries, because there is no DuckDB library; set DUCKDB_LIB_DIR to the folder that contains it".into())
}

/// Copies the library beside the binary.
pub(super) fn copy_engine(context: &mut Context) -> Result<String> {
    let Some(source) = library(context) else { return Ok("none".into()) };
    let target = context.collector_binary().with_file_name(source.file_name().unwrap_or_default());
    // The build script of the collector puts a link there, which leads to nowhere on another machine.
    if !target.is_symlink() && has_same_content(&source, &target) {
        return Ok("present".into());
    }
    // The rename replaces the file atomically; a running collector keeps the old one open.
    let temporary = target.with_extension("new");
    std::fs::copy(&source, &temporary)
        .and_then(|_| std::fs::rename(&temporary, &target))
        .with_context(|| format!("cannot write {}", target.display()))?;
    Ok("copied".into())
}

/// The file name of the library beside the binary, if there is one.
pub(super) fn engine_library(context: &Context) -> Option<String> {
    library(context)?.file_name().map(|name| name.to_string_lossy().into_owned())
}

fn library(context: &Context) -> Option<PathBuf> {
    let folder = engine_folder(context);
    ENGINE_LIBRARIES.iter().map(|name| folder.join(name)).find(|file| file.is_file())
}

/// The folder of the DuckDB library that programs are linked with.
pub(crate) fn engine_folder(context: &Context) -> PathBuf {
    std::env::var_os("DUCKDB_LIB_DIR").map_or_else(|| context.path(NPM_FOLDER), |folder| context.root().join(folder))
}

fn has_same_content(left: &Path, right: &Path) -> bool {
    let length = |file: &Path| file.metadata().map(|metadata| metadata.len()).ok();
    length(left).is_some()
        && length(left) == length(right)
        && matches!((files::read(left), files::read(right)), (Ok(left), Ok(right)) if left == right)
}
