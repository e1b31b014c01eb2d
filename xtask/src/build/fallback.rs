//! The core as JavaScript, for pages where WebAssembly is refused.
//!
//! It is the very module that everybody else gets, translated by wasm2js behind the same glue: what is true of one is true of the other.

use super::{glue, stamp};
use crate::context::Context;
use crate::error::Error;
use crate::{files, process};

/// An ES module; its default export takes what the core imports and gives what it exports.
pub(super) const TRANSLATED: &str = "target/web/translated.js";
const LOWERED: &str = "target/web/translated.wasm";
const STAMP: &str = "target/web/translated.stamp";

/// Only what the oldest WebAssembly has, which is what wasm2js knows best.
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

/// Translates the module, unless it and this recipe are those of last time.
pub(super) fn translate(context: &mut Context) -> Result<String, Error> {
    let module = files::read(&context.path(glue::BOUND))?;
    let lock = files::read(&context.path("package-lock.json"))?;
    let inputs = files::hash(&[&module, include_bytes!("fallback.rs"), include_bytes!("glue.rs"), &lock]);
    stamp::unless_made(context, STAMP, &inputs, &[TRANSLATED], || {
        let tool = |name: &str| context.path("node_modules/binaryen/bin").join(name);
        let mut lower = process::node(context);
        process::quiet(lower.arg(tool("wasm-opt")).args([glue::BOUND, "-o", LOWERED]).args(glue::FEATURES).args(PASSES))?;
        let mut translate = process::node(context);
        let text = process::quiet(translate.arg(tool("wasm2js")).args([LOWERED, "-O"]))?;
        let body = body(&text).ok_or_else(|| Error::Glue("wasm2js writes another kind of module than before".into()))?;
        files::write(&context.path(TRANSLATED), format!("{body}export default asmFunc;\n").as_bytes())
    })
}

/// What lies between the module's imports, which come from files that do not exist, and the instance that it makes of itself.
fn body(text: &str) -> Option<&str> {
    let begins = text.find("var bufferView;")?;
    let ends = text.find("var retasmFunc = asmFunc(")?;
    text.get(begins..ends)
}

#[cfg(test)]
mod tests {
    use super::body;

    #[test]
    fn the_module_keeps_neither_imports_nor_instance() {
        let text = "import * as a from 'a';\n\nvar bufferView;\nfunction asmFunc(imports) {}\nvar retasmFunc = asmFunc({\n  \"a\": a,\n});\nexport var b = retasmFunc.b;\n";
        assert_eq!(body(text), Some("var bufferView;\nfunction asmFunc(imports) {}\n"));
        assert_eq!(body("var bufferView;"), None);
    }
}
