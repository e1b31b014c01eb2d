//! `cargo xtask build`: builds `dist/` and the release binary that embeds it.
//!
//! Pipeline of the browser library: cargo → wasm-bindgen glue → wasm-opt, plus wasm2js → esbuild and terser → hashed names → compressed
//! files → collector binary. mdBook makes the site of the documents, which the binary embeds too. A step skips its work when its inputs did not change, so a warm build takes seconds.

mod collector_binary;
mod compile_wasm;
mod compress;
mod documents;
mod generate_glue;
mod inline_snippet;
mod npm_package;
mod patch_glue;
mod scripts;
mod shorten_names;
mod skip_unchanged;
mod strip_glue;
mod wasm_to_js;

use anyhow::Result;

use crate::context::Context;
use crate::step::{self, Step};

pub(crate) use collector_binary::{ENGINE_LIBRARIES, engine_folder};
pub(crate) use compress::{BROTLI, GZIP};
pub(crate) use documents::run as run_documents;
pub(crate) use inline_snippet::check as check_snippets;

/// Builds everything that a page or a shop downloads.
pub(crate) const PAGE: &[Step] = &[
    Step { name: "core to wasm", has_output: true, run: compile_wasm::compile },
    Step { name: "glue and optimised wasm", has_output: false, run: generate_glue::generate },
    Step { name: "core to JavaScript", has_output: false, run: wasm_to_js::translate },
    Step { name: "scripts", has_output: false, run: scripts::bundle },
    Step { name: "npm package", has_output: false, run: npm_package::build },
    Step { name: "charts of the reports", has_output: false, run: scripts::bundle_reports },
    Step { name: "compressed files", has_output: false, run: compress::compress },
    documents::SITE,
];

/// Builds the binary, which embeds `dist/`, and copies the shared library that it loads from its own folder.
pub(crate) const COLLECTOR: &[Step] = &[
    Step { name: "collector", has_output: true, run: collector_binary::compile },
    Step { name: "analytics engine", has_output: false, run: collector_binary::copy_engine },
];

/// Builds everything and prints where the results are.
pub(crate) fn run(context: &mut Context) -> Result<()> {
    step::run(context, &[crate::setup::BUILD, PAGE, COLLECTOR])?;
    println!("\ndist/                    the files that a page downloads (`cargo xtask size` prints their sizes)");
    println!("target/release/tillroll  the collector with dist/ embedded");
    if let Some(library) = collector_binary::engine_library(context) {
        println!("target/release/{library:<9}  the analytics engine; deploy it in the same folder as the collector");
    }
    inline_snippet::print(context)
}
