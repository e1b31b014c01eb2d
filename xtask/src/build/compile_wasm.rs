//! Compiles the core to WebAssembly.
//!
//! The build compiles the standard library for size too, and a panic aborts immediately without formatting a message. Together they halve
//! the download. Both are unstable flags, so this command runs with `RUSTC_BOOTSTRAP`.

use std::path::PathBuf;

use anyhow::Result;

use crate::context::Context;
use crate::process;

/// A separate target folder: in the shared one, the different flags would invalidate cargo's cache on every change of command.
const TARGET_FOLDER: &str = "target/web-build";

/// Chosen by size after brotli.
///
/// - `location-detail` and `fmt-debug`: panic messages and source locations are removed, because no visitor reads them and the locations
///   would contain paths of the build machine.
/// - `stack-size`: data lies behind the stack, so a stack below the usual 1 MB shortens every address.
/// - `inline-mir` and `cross-crate-inline-threshold`: optimising for size disables MIR inlining; without these two, the smallest functions
///   of the standard library would be called instead of inlined.
/// - `target-feature`: wasm2js cannot translate the disabled features, and one module must serve pages with and without WebAssembly.
///   Reference types would also need a second table, which costs more bytes than the list in the glue that replaces it.
const RUSTFLAGS: &[&str] = &[
    "-Zunstable-options",
    "-Cpanic=immediate-abort",
    "-Zlocation-detail=none",
    "-Zfmt-debug=none",
    "-Zinline-mir=yes",
    "-Zcross-crate-inline-threshold=yes",
    "-Clink-arg=-zstack-size=65536",
    "-Ctarget-feature=-reference-types,-multivalue,-nontrapping-fptoint",
];

/// The path of the compiled module.
pub(super) fn module(context: &Context) -> PathBuf {
    context.path(TARGET_FOLDER).join("wasm32-unknown-unknown/web/tillroll.wasm")
}

/// Compiles the module; cargo skips the work if nothing changed.
pub(super) fn compile(context: &mut Context) -> Result<String> {
    let mut cargo = process::cargo(context);
    cargo
        .args(["build", "--package", "tillroll", "--lib", "--profile", "web"])
        .args(["--target", "wasm32-unknown-unknown", "--target-dir", TARGET_FOLDER])
        .args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"])
        .env("RUSTC_BOOTSTRAP", "1")
        // It takes precedence over RUSTFLAGS.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", RUSTFLAGS.join(" "));
    process::run_visible(&mut cargo)?;
    Ok(String::new())
}
