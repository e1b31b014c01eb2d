//! Patches the glue so that it serves the core both as WebAssembly and as JavaScript.
//!
//! wasm-bindgen's loader supports only WebAssembly and writes warnings to the console of the shop. The scripts in `js/` load the core
//! themselves. Each patch names the text that it replaces; if the text is missing, the build fails.

/// The start of the generated loader, which extends to the end of the file.
const LOADER: &str = "async function __wbg_load(";
/// Replaces the loader: exports the imports of the core and the function that attaches an instance.
const ENDING: &str = "export { __wbg_get_imports as imports, __wbg_finalize_init as attach };\n";
/// The start of each exported function.
const EXPORTED_FUNCTION: &str = "export function ";

/// How the glue detects that the memory has grown and its views are outdated. WebAssembly detaches the old buffer; wasm2js does not. Both
/// return a new buffer, so the patched test compares buffers.
const GROWTH_TESTS: &[(&str, &str)] = &[
    ("cachedUint8ArrayMemory0.byteLength === 0", "cachedUint8ArrayMemory0.buffer !== wasm.{memory}.buffer"),
    (
        "cachedDataViewMemory0.buffer.detached === true || (cachedDataViewMemory0.buffer.detached === undefined \
         && cachedDataViewMemory0.buffer !== wasm.{memory}.buffer)",
        "cachedDataViewMemory0.buffer !== wasm.{memory}.buffer",
    ),
];

/// Returns the patched glue. The error is the text that was not found.
pub(super) fn patch(glue: &str) -> Result<String, String> {
    let (before_loader, _) = glue.split_once(LOADER).ok_or(LOADER)?;
    let memory = between(before_loader, "new Uint8Array(wasm.", ".buffer)").ok_or("new Uint8Array(wasm.")?;
    let mut text = before_loader.to_owned();
    for (old, new) in GROWTH_TESTS {
        let [old, new] = [old, new].map(|text| text.replace("{memory}", memory));
        // The glue may lack one of the views; a view that it has must have the expected test.
        let view = old.split('.').next().unwrap_or_default();
        if text.contains(view) && !text.contains(&old) {
            return Err(old);
        }
        text = text.replace(&old, &new);
    }
    let names: Vec<_> = text.split(EXPORTED_FUNCTION).skip(1).filter_map(|function| Some(function.split_once('(')?.0)).collect();
    let core = format!("export const core = {{ {} }};\n", names.join(", "));
    Ok(text.replace(EXPORTED_FUNCTION, "function ") + &core + ENDING)
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(found, _)| found)
}

#[cfg(test)]
mod tests {
    use super::{ENDING, patch};

    const VIEW: &str = "if (cachedUint8ArrayMemory0 === null || cachedUint8ArrayMemory0.byteLength === 0) {\n\
        cachedUint8ArrayMemory0 = new Uint8Array(wasm.a.buffer);\n";

    #[test]
    fn loader_is_removed_and_views_compare_buffers() {
        let patched = patch(&format!("{VIEW}export function a(b) {{}}\nexport function c() {{}}\nasync function __wbg_load(module) {{}}"));
        let view = VIEW.replace("cachedUint8ArrayMemory0.byteLength === 0", "cachedUint8ArrayMemory0.buffer !== wasm.a.buffer");
        assert_eq!(patched, Ok(view + "function a(b) {}\nfunction c() {}\nexport const core = { a, c };\n" + ENDING));
    }

    #[test]
    fn missing_text_is_an_error() {
        assert!(patch(VIEW).is_err_and(|missing| missing.contains("__wbg_load")));
        let other = VIEW.replace(".byteLength === 0", ".length < 1") + "async function __wbg_load(";
        assert!(patch(&other).is_err_and(|missing| missing.contains("byteLength")));
    }
}
