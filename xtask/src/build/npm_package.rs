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
    ("js/package/loader.d.ts", "loader.d.ts"),
    ("js/frameworks/react.js", "react.js"),
    ("js/frameworks/react.d.ts", "react.d.ts"),
    ("js/frameworks/vue.js", "vue.js"),
    ("js/frameworks/vue.d.ts", "vue.d.ts"),
    ("js/testing/testing.js", "testing.js"),
    ("js/testing/testing.d.ts", "testing.d.ts"),
    ("js/testing/nearest-event.js", "nearest-event.js"),
    ("js/package/README.md", "README.md"),
    ("LICENSE", "LICENSE"),
    ("LICENSE-APACHE", "LICENSE-APACHE"),
    ("LICENSE-MIT", "LICENSE-MIT"),
];

/// The manifest of the package; its version is a placeholder.
const MANIFEST: &str = "js/package/package.json";

/// Builds the folder.
pub(super) fn build(context: &mut Context) -> Result<String> {
    scripts::bundle_package(context)?;
    let folder = context.path("dist/npm");
    for (source, name) in COPIES {
        files::write(&folder.join(name), &files::read(&context.path(source))?)?;
    }
    files::write(&folder.join("package.json"), manifest(context)?.as_bytes())?;
    Ok(String::new())
}

/// The manifest with the version of the workspace in place of the placeholder.
fn manifest(context: &Context) -> Result<String> {
    let template = files::read_text(&context.path(MANIFEST))?;
    Ok(template.replacen("\"version\": \"0.0.0\"", concat!("\"version\": \"", env!("CARGO_PKG_VERSION"), "\""), 1))
}
