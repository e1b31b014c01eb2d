//! Translates the core to JavaScript for pages where WebAssembly is blocked.
//!
//! wasm2js translates the same module that other pages load, and the same glue serves both, so both behave the same.

use anyhow::{Context as _, Result};

use super::{generate_glue, skip_unchanged};
use crate::context::Context;
use crate::{files, process};

/// An ES module; its default export takes the imports of the core and returns its exports.
pub(super) const TRANSLATED: &str = "target/web/translated.js";
const LOWERED: &str = "target/web/translated.wasm";
const INPUT_HASH: &str = "target/web/translated.stamp";

/// Lowers the module to the features of the first WebAssembly version, which wasm2js supports best.
const PASSES: &[&str] = &[
    "--signext-lowering",
    "--llvm-memory-copy-fill-lowering",
    "--low-memory-unused",
    "-Oz",
    "--converge",
    "--strip-debug",
    "--strip-producers",
    "--strip-target-features",
];

/// Translates the module unless the module and this recipe are unchanged.
pub(super) fn translate(context: &mut Context) -> Result<String> {
    let module = files::read(&context.path(generate_glue::BOUND))?;
    let lock = files::read(&context.path("package-lock.json"))?;
    let inputs = files::sha256(&[&module, include_bytes!("wasm_to_js.rs"), include_bytes!("generate_glue.rs"), &lock]);
    skip_unchanged::build_if_changed(context, INPUT_HASH, &inputs, &[TRANSLATED], || {
        let tool = |name: &str| context.path("node_modules/binaryen/bin").join(name);
        let mut lower = process::node(context);
        lower.arg(tool("wasm-opt")).args([generate_glue::BOUND, "-o", LOWERED]).args(generate_glue::FEATURES).args(PASSES);
        process::run_captured(&mut lower)?;
        let text = process::run_captured(process::node(context).arg(tool("wasm2js")).args([LOWERED, "-O"]))?;
        let body = module_body(&text).context("the output of wasm2js has an unexpected form; adapt xtask/src/build/wasm_to_js.rs")?;
        files::write(&context.path(TRANSLATED), format!("{body}export default asmFunc;\n").as_bytes())
    })
}

/// Cuts off the imports, which name files that do not exist, and the instance at the end.
fn module_body(text: &str) -> Option<&str> {
    let start = text.find("var bufferView;")?;
    let end = text.find("var retasmFunc = asmFunc(")?;
    text.get(start..end)
}

#[cfg(test)]
mod tests {
    use super::module_body;

    #[test]
    fn imports_and_instance_are_removed() {
        let text = "import * as a from 'a';\n\nvar bufferView;\nfunction asmFunc(imports) {}\nvar retasmFunc = asmFunc({\n  \"a\": a,\n});\nexport var b = retasmFunc.b;\n";
        assert_eq!(module_body(text), Some("var bufferView;\nfunction asmFunc(imports) {}\n"));
        assert_eq!(module_body("var bufferView;"), None);
    }
}
