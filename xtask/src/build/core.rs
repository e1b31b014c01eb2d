//! The core as WebAssembly, straight from the compiler.
//!
//! The standard library is compiled along with it, for size, and a panic stops at once instead of formatting a message that no visitor
//! reads: together they halve what a page downloads. Both are unstable flags, so this one command runs with `RUSTC_BOOTSTRAP`.

use std::path::PathBuf;

use crate::context::Context;
use crate::error::Error;
use crate::process;

/// A folder of its own: other flags than everybody else's would throw away the ordinary cache at each change of command.
const TARGET: &str = "target/web-build";

/// Chosen by bytes after brotli.
///
/// Panics say nothing and name no place: no visitor reads them, and the places would be paths of the machine that built it. The stack is
/// smaller than the usual 1 MB because data lies behind it: every address becomes shorter. Without MIR inlining, which optimising for size
/// turns off, and without leave to look into every crate, the smallest functions of the standard library would be called one by one. The
/// features that are off are those that wasm2js cannot translate, so that one module serves pages with and without WebAssembly; reference
/// types would need a second table, and cost more bytes than the list in the glue that stands in for it.
const FLAGS: &[&str] = &[
    "-Zunstable-options",
    "-Cpanic=immediate-abort",
    "-Zlocation-detail=none",
    "-Zfmt-debug=none",
    "-Zinline-mir=yes",
    "-Zcross-crate-inline-threshold=yes",
    "-Clink-arg=-zstack-size=65536",
    "-Ctarget-feature=-reference-types,-multivalue,-nontrapping-fptoint",
];

/// Where the compiler leaves the module.
pub(super) fn module(context: &Context) -> PathBuf {
    context.path(TARGET).join("wasm32-unknown-unknown/web/tillroll.wasm")
}

/// Compiles it. Cargo decides whether there is anything to do.
pub(super) fn compile(context: &mut Context) -> Result<String, Error> {
    let mut cargo = process::cargo(context);
    cargo
        .args(["build", "--package", "tillroll", "--lib", "--profile", "web"])
        .args(["--target", "wasm32-unknown-unknown", "--target-dir", TARGET])
        .args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"])
        .env("RUSTC_BOOTSTRAP", "1")
        // It would win over RUSTFLAGS.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", FLAGS.join(" "));
    process::aloud(&mut cargo)?;
    Ok(String::new())
}
