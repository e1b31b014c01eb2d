//! Removes code from the glue that this core never needs, because every page downloads the glue.
//!
//! wasm-bindgen generates code for any module and any browser: three ways to write a string to memory, freeing of earlier arguments if a
//! later one does not fit, and a new decoder after two gigabytes of text. Each removal names the text that it expects; if the text is
//! missing, the build fails.

/// Writes a string to memory in the way that every browser with WebAssembly supports.
const PASS_STRING: &str = "function passStringToWasm0(arg, malloc) {
    const bytes = cachedTextEncoder.encode(arg);
    const ptr = malloc(bytes.length, 1) >>> 0;
    getUint8ArrayMemory0().set(bytes, ptr);
    WASM_VECTOR_LEN = bytes.length;
    return ptr;
}
";

/// Decodes without replacing the decoder: Safari's decoder fails only after two gigabytes of text, which no page reads.
const DECODE_TEXT: &str = "function decodeText(bytes) {
    return cachedTextDecoder.decode(bytes);
}
";

/// The first line of a block and its replacement. A block ends with a brace at the start of a line.
const REPLACED_BLOCKS: &[(&str, &str)] = &[
    ("function passStringToWasm0(arg, malloc, realloc) {\n", PASS_STRING),
    ("function decodeText(bytes) {\n", DECODE_TEXT),
    ("if (!('encodeInto' in cachedTextEncoder)) {\n", ""),
];

/// Removed text. An array slot that was never filled reads as `undefined` too, and the core looks up its imports by name, so a prototype
/// does no harm.
const REMOVED: &[&str] = &[
    ", wasm.__wbindgen_realloc",
    "const MAX_SAFARI_DECODE_BYTES = 2146435072;\n",
    "let numBytesDecoded = 0;\n",
    ".fill(undefined)",
    "        __proto__: null,\n",
];

/// The block around arguments that frees earlier arguments if a later one does not fit. The core is out of memory then and cannot recover.
const TRY: &str = "    try {\n";
const CATCH: &str = "    } catch (e) {\n";
const RETHROW: &str = "        throw e;\n    }\n";

/// Returns the stripped glue. The error is the text that was not found.
pub(super) fn strip(glue: &str) -> Result<String, String> {
    let mut text = glue.to_owned();
    for (start, replacement) in REPLACED_BLOCKS {
        let at = text.find(start).ok_or(*start)?;
        let length = text[at..].find("\n}\n").ok_or(*start)? + "\n}\n".len();
        text.replace_range(at..at + length, replacement);
    }
    for removed in REMOVED {
        if !text.contains(removed) {
            return Err((*removed).into());
        }
        text = text.replace(removed, "");
    }
    Ok(without_try_blocks(&text))
}

fn without_try_blocks(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, block)) = rest.split_once(TRY) {
        out += before;
        match block.split_once(CATCH).and_then(|(body, handler)| Some((body, handler.split_once(RETHROW)?))) {
            Some((body, (freed, after))) if !freed.contains("\n}\n") && !body.contains("\n}\n") => {
                out += body;
                rest = after;
            }
            _ => {
                out += TRY;
                rest = block;
            }
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const GLUE: &str = "let a;
let heap = new Array(1024).fill(undefined);
const import0 = {
        __proto__: null,
};
const MAX_SAFARI_DECODE_BYTES = 2146435072;
let numBytesDecoded = 0;
function decodeText(bytes) {
    if (long) {
    }
}
if (!('encodeInto' in cachedTextEncoder)) {
    x;
}
function passStringToWasm0(arg, malloc, realloc) {
    y;
}
function call(key) {
    try {
        ptr0 = passStringToWasm0(key, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
    } catch (e) {
        if (ptr0) { free }
        throw e;
    }
    wasm.call(ptr0);
}
function careful() {
    try {
        z;
    } catch (e) {
        note(e);
    }
}
";

    #[test]
    fn unneeded_code_is_removed_and_the_rest_is_unchanged() {
        let call = "function call(key) {\n        ptr0 = passStringToWasm0(key, wasm.__wbindgen_malloc);\n    wasm.call(ptr0);\n}\n";
        let careful = GLUE.split_once("function careful").unwrap().1;
        assert_eq!(
            strip(GLUE),
            Ok(format!(
                "let a;\nlet heap = new Array(1024);\nconst import0 = {{\n}};\n{DECODE_TEXT}{PASS_STRING}{call}function careful{careful}"
            ))
        );
    }

    #[test]
    fn missing_text_is_an_error() {
        for text in REMOVED.iter().chain(REPLACED_BLOCKS.iter().map(|(start, _)| start)) {
            assert_eq!(strip(&GLUE.replace(text, "")), Err((*text).to_owned()));
        }
    }
}
