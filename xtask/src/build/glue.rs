//! The glue between JavaScript and the core, and the core made small.
//!
//! wasm-bindgen runs inside this program, so its version cannot differ from the crate's. The long names by which glue and module know each
//! other are replaced by short ones in both: they are a tenth of the download and nobody reads them.

use wasm_bindgen_cli_support::Bindgen;

use super::adapt::adapt;
use super::lighten::lighten;
use super::names::{Border, Names, mentions};
use super::{core, stamp};
use crate::context::Context;
use crate::error::Error;
use crate::{files, process};

/// The glue as an ES module: what the core exports, and beside it what [`adapt`] makes of its end.
pub(super) const GLUE: &str = "target/web/core.js";
/// The finished module.
pub(super) const WASM: &str = "target/web/core.wasm";
/// The module as the glue expects it, not yet optimised.
pub(super) const BOUND: &str = "target/web/core_bg.wasm";
const STAMP: &str = "target/web/stamp";

/// What rustc and wasm-bindgen use under the flags of `core.rs`, said here so that nothing hangs on a section that a profile may strip.
pub(super) const FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-call-indirect-overlong",
    "--enable-mutable-globals",
    "--enable-sign-ext",
];
/// Chosen by bytes after brotli, not before it. The stack lies lowest in memory and grows down, so only one that overflows would reach the
/// kilobyte that the second flag calls unused. `--traps-never-happen` would save as much again, and turn a stop into undefined behaviour.
const PASSES: &[&str] = &[
    "--low-memory-unused",
    "--flatten",
    "--rereloop",
    // Twice: the second run saves 60 bytes of brotli.
    "-Oz",
    "-Oz",
    "--converge",
    "--reorder-locals",
    "--strip-debug",
    "--strip-producers",
    "--strip-target-features",
];

/// Makes both, unless the compiler's module and this recipe are those of last time.
pub(super) fn make(context: &mut Context) -> Result<String, Error> {
    let module = files::read(&core::module(context))?;
    let recipe: [&[u8]; 4] =
        [include_bytes!("glue.rs"), include_bytes!("names.rs"), include_bytes!("adapt.rs"), include_bytes!("lighten.rs")];
    let lock = files::read(&context.path("package-lock.json"))?;
    let inputs = files::hash(&[&module, recipe[0], recipe[1], recipe[2], recipe[3], &lock]);
    stamp::unless_made(context, STAMP, &inputs, &[GLUE, WASM, BOUND], || {
        bind(context, module)?;
        optimise(context)
    })
}

fn bind(context: &Context, module: Vec<u8>) -> Result<(), Error> {
    let wrong = |error: &dyn std::fmt::Display| Error::Glue(error.to_string());
    let mut bindgen = Bindgen::new();
    bindgen.web(true).map_err(|error| wrong(&error))?;
    bindgen
        .input_bytes("core", module)
        .omit_default_module_path(true)
        .typescript(false)
        .keep_debug(false)
        .remove_name_section(true)
        .remove_producers_section(true);
    let mut output = bindgen.generate_output().map_err(|error| wrong(&format!("{error:#}")))?;
    let light = |glue: &str| lighten(glue).map_err(|missing| wrong(&format!("its text has no `{missing}`")));
    // Only what is written is laid out in lines.
    output.emit(context.path("target/web")).map_err(|error| wrong(&format!("{error:#}")))?;
    let glue = light(&files::read_text(&context.path(GLUE))?)?;
    let border = output.wasm_mut();
    let mut unused = Vec::new();
    for export in border.exports.iter() {
        if !mentions(&glue, &export.name) {
            unused.push(export.id());
        }
    }
    for export in unused {
        border.exports.delete(export);
    }
    let imports = border.imports.iter_mut().map(|import| Border::Import(&mut import.module, &mut import.name));
    let exports = border.exports.iter_mut().map(|export| Border::Export(&mut export.name));
    let names = Names::shorten(imports.chain(exports));
    output.emit(context.path("target/web")).map_err(|error| wrong(&format!("{error:#}")))?;
    let text = adapt(&names.apply(&glue)).map_err(|missing| wrong(&format!("its text has no `{missing}`")))?;
    files::write(&context.path(GLUE), text.as_bytes())
}

fn optimise(context: &Context) -> Result<(), Error> {
    let tool = context.path("node_modules/binaryen/bin/wasm-opt");
    let mut node = process::node(context);
    node.arg(tool).args([BOUND, "-o", WASM]).args(FEATURES).args(PASSES);
    process::quiet(&mut node).map(drop)
}
