//! The release binary, and the analytics engine beside it.
//!
//! The engine is a shared library. The binary looks for it in its own folder first, so the two can be moved together and need nothing of the
//! checkout. Where there is no library to link, the collector is built without one, and says so.

use std::path::{Path, PathBuf};

use crate::context::Context;
use crate::error::Error;
use crate::{files, process};

/// What the engine's file is called, by platform.
pub(crate) const ENGINES: &[&str] = &["libduckdb.so", "libduckdb.dylib"];

/// Where the npm package has it; `.cargo/config.toml` says the same to plain cargo.
const FOLDER: &str = "node_modules/@duckdb/node-bindings-linux-x64";

/// Compiles the collector, with the engine if there is one.
pub(super) fn compile(context: &mut Context) -> Result<String, Error> {
    let mut cargo = process::cargo(context);
    cargo.args(["build", "--release", "--package", "tillroll-collector", "--bin", "tillroll"]);
    if source(context).is_some() {
        process::aloud(&mut cargo)?;
        return Ok(String::new());
    }
    process::aloud(cargo.arg("--no-default-features"))?;
    Ok("without metrics queries: there is no DuckDB library here, set DUCKDB_LIB_DIR to a folder with one to have them".into())
}

/// Puts the engine's library beside the binary.
pub(super) fn bring_engine(context: &mut Context) -> Result<String, Error> {
    let Some(source) = source(context) else { return Ok("none".into()) };
    let target = context.binary().with_file_name(source.file_name().unwrap_or_default());
    if is_same(&source, &target) {
        return Ok("present".into());
    }
    // A collector may be running on the old one: it keeps it, where the file is put in place as a whole.
    let beside = target.with_extension("new");
    let failed = |source| Error::File { doing: "write", path: target.clone(), source };
    std::fs::copy(&source, &beside).and_then(|_| std::fs::rename(&beside, &target)).map_err(failed)?;
    Ok("copied".into())
}

/// The name of the library beside the binary, if it was built with one.
pub(super) fn engine(context: &Context) -> Option<String> {
    source(context)?.file_name().map(|name| name.to_string_lossy().into_owned())
}

fn source(context: &Context) -> Option<PathBuf> {
    let folder = std::env::var_os("DUCKDB_LIB_DIR").map_or_else(|| context.path(FOLDER), |folder| context.root().join(folder));
    ENGINES.iter().map(|name| folder.join(name)).find(|file| file.is_file())
}

fn is_same(one: &Path, other: &Path) -> bool {
    let length = |file: &Path| file.metadata().map(|found| found.len()).ok();
    length(one).is_some()
        && length(one) == length(other)
        && matches!((files::read(one), files::read(other)), (Ok(one), Ok(other)) if one == other)
}
