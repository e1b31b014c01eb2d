//! Builds `dist/npm`, the package `tillroll` as a shop installs it.
//!
//! The package is one ES module with facades and glue, the core as WebAssembly and as JavaScript, and the types of `js/index.d.ts`.

use anyhow::Result;

use super::{generate_glue, scripts};
use crate::context::Context;
use crate::files;

/// The source of each copied file, and its name in the package.
const COPIES: &[(&str, &str)] = &[
    (generate_glue::WASM, "core.wasm"),
    ("js/index.d.ts", "index.d.ts"),
    ("README.md", "README.md"),
    ("LICENSE", "LICENSE"),
    ("LICENSE-APACHE", "LICENSE-APACHE"),
    ("LICENSE-MIT", "LICENSE-MIT"),
];

/// Builds the folder.
pub(super) fn build(context: &mut Context) -> Result<String> {
    scripts::bundle_package(context)?;
    let folder = context.path("dist/npm");
    for (source, name) in COPIES {
        files::write(&folder.join(name), &files::read(&context.path(source))?)?;
    }
    files::write(&folder.join("package.json"), manifest().as_bytes())?;
    Ok(String::new())
}

fn manifest() -> String {
    format!(
        r#"{{
  "name": "tillroll",
  "version": "{}",
  "description": "A first-party shop tracker: a WebAssembly core behind a thin shim",
  "license": "MIT OR Apache-2.0",
  "type": "module",
  "main": "./index.js",
  "types": "./index.d.ts",
  "exports": {{
    ".": {{ "types": "./index.d.ts", "default": "./index.js" }},
    "./core.wasm": "./core.wasm"
  }},
  "sideEffects": false,
  "engines": {{ "node": ">=20" }}
}}
"#,
        env!("CARGO_PKG_VERSION")
    )
}
