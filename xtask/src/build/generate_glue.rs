//! Generates the glue between JavaScript and the core with wasm-bindgen, and optimises the module.
//!
//! wasm-bindgen runs as a library of this program, so its version matches the crate's. Its long names of imports and exports are shortened
//! in both files, which saves a tenth of the download.

use anyhow::{Context as _, Result, anyhow};
use wasm_bindgen_cli_support::Bindgen;

use super::patch_glue::patch;
use super::shorten_names::{BoundaryName, ShortNames, is_used};
use super::strip_glue::strip;
use super::{compile_wasm, skip_unchanged};
use crate::context::Context;
use crate::{files, process};

/// The glue as an ES module: the exports of the core, and the ending that [`patch`] adds.
pub(super) const GLUE: &str = "target/web/core.js";
/// The optimised module.
pub(super) const WASM: &str = "target/web/core.wasm";
/// The module with the names that the glue uses, before optimisation.
pub(super) const BOUND: &str = "target/web/core_bg.wasm";
const OUTPUT_FOLDER: &str = "target/web";
const INPUT_HASH: &str = "target/web/stamp";

/// The features that rustc and wasm-bindgen use with the flags of `compile_wasm.rs`. They are listed because a profile may strip the section
/// that names them.
pub(super) const FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-call-indirect-overlong",
    "--enable-mutable-globals",
    "--enable-sign-ext",
];
/// Chosen by size after brotli. `--low-memory-unused` assumes that the first kilobyte is unused: the stack is lowest in memory and grows
/// down, so only an overflowing stack would reach it. `--traps-never-happen` would save as much again, but turns a trap into undefined
/// behaviour.
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

/// A text of wasm-bindgen's closures, of which the core has none: the linker kept the text, because the module had that code until unused exports
/// were removed. It would be 50 bytes of brotli.
const UNUSED_TEXT: &[u8] = b"closure invoked recursively or after being dropped";

/// Generates both files unless the compiled module and this recipe are unchanged.
pub(super) fn generate(context: &mut Context) -> Result<String> {
    let module = files::read(&compile_wasm::module(context))?;
    let lock = files::read(&context.path("package-lock.json"))?;
    let inputs = files::sha256(&[
        &module,
        include_bytes!("generate_glue.rs"),
        include_bytes!("shorten_names.rs"),
        include_bytes!("patch_glue.rs"),
        include_bytes!("strip_glue.rs"),
        &lock,
    ]);
    skip_unchanged::build_if_changed(context, INPUT_HASH, &inputs, &[GLUE, WASM, BOUND], || {
        bind(context, module).context(
            "cannot generate the glue of the core; the crate wasm-bindgen and xtask's wasm-bindgen-cli-support must have the same version",
        )?;
        optimise(context)
    })
}

fn bind(context: &Context, module: Vec<u8>) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen.web(true)?;
    bindgen
        .input_bytes("core", module)
        .omit_default_module_path(true)
        .typescript(false)
        .keep_debug(false)
        .remove_name_section(true)
        .remove_producers_section(true);
    let mut output = bindgen.generate_output()?;
    let not_found = |missing: String| anyhow!("the generated text does not contain `{missing}`");
    // `strip` expects the line breaks of the emitted file; the text in memory has none.
    output.emit(context.path(OUTPUT_FOLDER))?;
    let glue = strip(&files::read_text(&context.path(GLUE))?).map_err(not_found)?;
    let module = output.wasm_mut();
    let mut unused = Vec::new();
    for export in module.exports.iter().filter(|export| !is_used(&glue, &export.name)) {
        unused.push(export.id());
    }
    for export in unused {
        module.exports.delete(export);
    }
    // The optimiser leaves out zeros.
    let found = module.data.iter().find_map(|data| {
        let at = data.value.windows(UNUSED_TEXT.len()).position(|text| text == UNUSED_TEXT)?;
        Some((data.id(), at))
    });
    let (id, at) = found.context("the module has no text of closures any more; remove this step")?;
    module.data.get_mut(id).value.iter_mut().skip(at).take(UNUSED_TEXT.len()).for_each(|byte| *byte = 0);
    let imports = module.imports.iter_mut().map(|import| BoundaryName::Import(&mut import.module, &mut import.name));
    let exports = module.exports.iter_mut().map(|export| BoundaryName::Export(&mut export.name));
    let names = ShortNames::assign(imports.chain(exports));
    output.emit(context.path(OUTPUT_FOLDER))?;
    let glue = patch(&names.apply(&glue)).map_err(not_found)?;
    files::write(&context.path(GLUE), glue.as_bytes())
}

fn optimise(context: &Context) -> Result<()> {
    let tool = context.path("node_modules/binaryen/bin/wasm-opt");
    let mut node = process::node(context);
    node.arg(tool).args([BOUND, "-o", WASM]).args(FEATURES).args(PASSES);
    process::run_captured(&mut node).map(drop)
}
