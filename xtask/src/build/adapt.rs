//! Changes to the text of the glue, so that the same glue serves the core in WebAssembly and in JavaScript.
//!
//! wasm-bindgen's own loader knows WebAssembly only, and writes warnings to the console of a shop; `js/core/load-wasm.js` and `load-js.js` load
//! by themselves. Each change names the text that it expects, and a glue without it stops the build.

/// Where the generated loader begins, which is the rest of the file.
const LOADER: &str = "async function __wbg_load(";
/// What takes its place, behind what the core can do as one object: the functions that the core wants, and what to do with an instance of
/// it.
const ENDING: &str = "export { __wbg_get_imports as imports, __wbg_finalize_init as attach };\n";
/// How what the core can do begins.
const EXPORT: &str = "export function ";

/// Views of the memory are made anew when it has grown. WebAssembly empties the old buffer then, and wasm2js does not; both give another
/// one.
const GROWN: &[(&str, &str)] = &[
    ("cachedUint8ArrayMemory0.byteLength === 0", "cachedUint8ArrayMemory0.buffer !== wasm.{memory}.buffer"),
    (
        "cachedDataViewMemory0.buffer.detached === true || (cachedDataViewMemory0.buffer.detached === undefined \
         && cachedDataViewMemory0.buffer !== wasm.{memory}.buffer)",
        "cachedDataViewMemory0.buffer !== wasm.{memory}.buffer",
    ),
];

/// The glue, changed; the error is the text that was expected in it.
pub(super) fn adapt(glue: &str) -> Result<String, String> {
    let (kept, _) = glue.split_once(LOADER).ok_or(LOADER)?;
    let memory = between(kept, "new Uint8Array(wasm.", ".buffer)").ok_or("new Uint8Array(wasm.")?;
    let mut text = kept.to_owned();
    for (old, new) in GROWN {
        let [old, new] = [old, new].map(|text| text.replace("{memory}", memory));
        // A glue may have no use for one of the views, but one that it has must be the view we know.
        let view = old.split('.').next().unwrap_or_default();
        if text.contains(view) && !text.contains(&old) {
            return Err(old);
        }
        text = text.replace(&old, &new);
    }
    let names: Vec<_> = text.split(EXPORT).skip(1).filter_map(|function| Some(function.split_once('(')?.0)).collect();
    let core = format!("export const core = {{ {} }};\n", names.join(", "));
    Ok(text.replace(EXPORT, "function ") + &core + ENDING)
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(found, _)| found)
}

#[cfg(test)]
mod tests {
    use super::{ENDING, adapt};

    const VIEW: &str = "if (cachedUint8ArrayMemory0 === null || cachedUint8ArrayMemory0.byteLength === 0) {\n\
        cachedUint8ArrayMemory0 = new Uint8Array(wasm.a.buffer);\n";

    #[test]
    fn the_loader_goes_and_views_follow_the_memory() {
        let adapted = adapt(&format!("{VIEW}export function a(b) {{}}\nexport function c() {{}}\nasync function __wbg_load(module) {{}}"));
        let view = VIEW.replace("cachedUint8ArrayMemory0.byteLength === 0", "cachedUint8ArrayMemory0.buffer !== wasm.a.buffer");
        assert_eq!(adapted, Ok(view + "function a(b) {}\nfunction c() {}\nexport const core = { a, c };\n" + ENDING));
    }

    #[test]
    fn a_glue_of_another_kind_stops_the_build() {
        assert!(adapt(VIEW).is_err_and(|missing| missing.contains("__wbg_load")));
        let other = VIEW.replace(".byteLength === 0", ".length < 1") + "async function __wbg_load(";
        assert!(adapt(&other).is_err_and(|missing| missing.contains("byteLength")));
    }
}
