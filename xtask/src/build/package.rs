//! `dist/npm`: the package `tillroll` as a shop installs it.
//!
//! One ES module that holds facades and glue, the core beside it in both forms, the types that `js/index.d.ts` states.

use crate::build::{glue, scripts};
use crate::context::Context;
use crate::error::Error;
use crate::files;

/// Where each file comes from, and its name in the package.
const COPIES: &[(&str, &str)] = &[
    (glue::WASM, "core.wasm"),
    ("js/index.d.ts", "index.d.ts"),
    ("js/package/README.md", "README.md"),
    ("LICENSE", "LICENSE"),
    ("LICENSE-APACHE", "LICENSE-APACHE"),
    ("LICENSE-MIT", "LICENSE-MIT"),
];

/// The package's manifest; its version is a placeholder.
const MANIFEST: &str = "js/package/package.json";

/// Makes the folder, where there is an entry to make it from.
pub(super) fn make(context: &mut Context) -> Result<String, Error> {
    if !context.path("js/index.js").is_file() {
        return Ok("no js/index.js yet".into());
    }
    scripts::bundle_package(context)?;
    let folder = context.path("dist/npm");
    for (from, name) in COPIES.iter().filter(|(from, _)| context.path(from).is_file()) {
        files::write(&folder.join(name), &files::read(&context.path(from))?)?;
    }
    files::write(&folder.join("package.json"), manifest(context)?.as_bytes())?;
    Ok(String::new())
}

/// Returns the package's manifest, with the version of the workspace in place of the placeholder.
fn manifest(context: &Context) -> Result<String, Error> {
    let template = files::read_text(&context.path(MANIFEST))?;
    Ok(template.replacen("\"version\": \"0.0.0\"", concat!("\"version\": \"", env!("CARGO_PKG_VERSION"), "\""), 1))
}
