//! Installs wasm-pack, and the wasm-bindgen that it runs.

use std::path::PathBuf;

use anyhow::Result;

use crate::context::Context;
use crate::process;
use crate::step::Step;

/// Compiles the pinned versions below `target/`, which takes minutes.
pub(crate) const WASM_PACK: &[Step] = &[Step { name: "wasm-pack", has_output: false, run: install }];

/// The tools: the crate, the binary in it, and its version. That of wasm-bindgen must be the version of the crate that the core uses.
const TOOLS: [(&str, &str, &str); 2] = [("wasm-pack", "wasm-pack", "0.15.1"), ("wasm-bindgen-cli", "wasm-bindgen", "0.2.130")];
/// Where this task installs them.
const FOLDER: &str = "target/tools/wasm-pack";

/// Returns the folder with the binaries.
pub(crate) fn folder(context: &Context) -> PathBuf {
    context.path(FOLDER).join("bin")
}

fn install(context: &mut Context) -> Result<String> {
    let mut compiled = Vec::new();
    for (package, binary, version) in TOOLS {
        // The folder may be kept when the project moves to another version.
        let marker = context.path(FOLDER).join(format!("{binary}-{version}"));
        if marker.is_file() && folder(context).join(binary).is_file() {
            continue;
        }
        // They run for seconds, so optimisation would cost more time than it saves.
        let mut cargo = process::cargo(context);
        cargo.args(["install", "--quiet", "--debug", "--force", package, "--version", version, "--root"]).arg(context.path(FOLDER));
        cargo.arg("--target-dir").arg(context.path(FOLDER).join("build"));
        process::run_captured(&mut cargo)?;
        std::fs::write(&marker, "")?;
        compiled.push(binary);
    }
    Ok(if compiled.is_empty() { "present".into() } else { format!("compiled {}", compiled.join(", ")) })
}
