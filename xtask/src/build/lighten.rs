//! The glue without what this core never needs. Every page downloads it.
//!
//! wasm-bindgen writes for any module and any browser: texts are written into the memory in three ways, what was passed is freed should the
//! next argument not fit, the decoder is replaced after two gigabytes of text. Each change names the text that it expects, and a glue
//! without it stops the build.

/// Writes a text into the memory: in one way, which every browser with WebAssembly knows.
const PASS: &str = "function passStringToWasm0(arg, malloc) {
    const bytes = cachedTextEncoder.encode(arg);
    const ptr = malloc(bytes.length, 1) >>> 0;
    getUint8ArrayMemory0().set(bytes, ptr);
    WASM_VECTOR_LEN = bytes.length;
    return ptr;
}
";

/// A page would have to read two gigabytes of text before the decoder of one browser grew tired.
const DECODE: &str = "function decodeText(bytes) {
    return cachedTextDecoder.decode(bytes);
}
";

/// Where a block begins and what takes its place; it ends with a brace at the start of a line.
const BLOCKS: &[(&str, &str)] = &[
    ("function passStringToWasm0(arg, malloc, realloc) {\n", PASS),
    ("function decodeText(bytes) {\n", DECODE),
    ("if (!('encodeInto' in cachedTextEncoder)) {\n", ""),
];

/// Lines and parts of lines that go. A place that was never filled reads like one that was filled with nothing, and what the core imports it
/// asks for by name.
const PARTS: &[&str] = &[
    ", wasm.__wbindgen_realloc",
    "const MAX_SAFARI_DECODE_BYTES = 2146435072;\n",
    "let numBytesDecoded = 0;\n",
    ".fill(undefined)",
    "        __proto__: null,\n",
];

/// Around arguments, of which those before one that does not fit would be freed. The page's core is out of memory then, and stays so.
const TRY: &str = "    try {\n";
const CATCH: &str = "    } catch (e) {\n";
const THROWN: &str = "        throw e;\n    }\n";

/// The glue, lightened; the error is the text that was expected in it.
pub(super) fn lighten(glue: &str) -> Result<String, String> {
    let mut text = glue.to_owned();
    for (begin, instead) in BLOCKS {
        let at = text.find(begin).ok_or(*begin)?;
        let length = text[at..].find("\n}\n").ok_or(*begin)? + "\n}\n".len();
        text.replace_range(at..at + length, instead);
    }
    for part in PARTS {
        if !text.contains(part) {
            return Err((*part).into());
        }
        text = text.replace(part, "");
    }
    Ok(without_tries(&text))
}

fn without_tries(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, tried)) = rest.split_once(TRY) {
        out += before;
        match tried.split_once(CATCH).and_then(|(kept, caught)| Some((kept, caught.split_once(THROWN)?))) {
            Some((kept, (freed, after))) if !freed.contains("\n}\n") && !kept.contains("\n}\n") => {
                out += kept;
                rest = after;
            }
            _ => {
                out += TRY;
                rest = tried;
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
    fn what_is_not_needed_goes_and_the_rest_stays() {
        let call = "function call(key) {\n        ptr0 = passStringToWasm0(key, wasm.__wbindgen_malloc);\n    wasm.call(ptr0);\n}\n";
        let careful = GLUE.split_once("function careful").unwrap().1;
        assert_eq!(
            lighten(GLUE),
            Ok(format!("let a;\nlet heap = new Array(1024);\nconst import0 = {{\n}};\n{DECODE}{PASS}{call}function careful{careful}"))
        );
    }

    #[test]
    fn a_glue_of_another_kind_stops_the_build() {
        for part in PARTS.iter().chain(BLOCKS.iter().map(|(begin, _)| begin)) {
            assert_eq!(lighten(&GLUE.replace(part, "")), Err((*part).to_owned()));
        }
    }
}
