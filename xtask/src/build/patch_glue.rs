//! Replaces the loader of the glue.
//!
//! wasm-bindgen's loader supports only WebAssembly and writes warnings to the console of the shop. The scripts in `js/` load the core
//! themselves. Each patch names the text that it replaces; if the text is missing, the build fails.

/// The start of the generated loader, which extends to the end of the file.
const LOADER: &str = "async function __wbg_load(";
/// Replaces the loader: exports the imports of the core and the function that attaches an instance.
const ENDING: &str = "export { __wbg_get_imports as imports, __wbg_finalize_init as attach };\n";
/// The start of each exported function.
const EXPORTED_FUNCTION: &str = "export function ";

/// Returns the patched glue. The error is the text that was not found.
pub(super) fn patch(glue: &str) -> Result<String, String> {
    let (before_loader, _) = glue.split_once(LOADER).ok_or(LOADER)?;
    let exported = before_loader.split(EXPORTED_FUNCTION).skip(1).filter_map(|function| Some(function.split_once('(')?.0));
    let core = format!("export const core = {{ {} }};\n", exported.collect::<Vec<_>>().join(", "));
    Ok(before_loader.replace(EXPORTED_FUNCTION, "function ") + &core + ENDING)
}

#[cfg(test)]
mod tests {
    use super::{ENDING, patch};

    #[test]
    fn loader_is_replaced_by_exports() {
        let patched = patch("export function a(b) {}\nexport function c() {}\nasync function __wbg_load(module) {}");
        assert_eq!(patched, Ok("function a(b) {}\nfunction c() {}\nexport const core = { a, c };\n".to_owned() + ENDING));
        assert!(patch("export function a(b) {}").is_err_and(|missing| missing.contains("__wbg_load")));
    }
}
