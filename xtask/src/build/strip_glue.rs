//! Replaces code of the glue by shorter code that does the same for this core, because every page downloads the glue.
//!
//! wasm-bindgen generates code for any module and any browser: three ways to write a string to memory, views of a memory of more than two
//! gigabytes, a list of free slots for a million objects, and a new decoder after two gigabytes of text. Together the replacements save 450
//! bytes of brotli. Each names the text that it expects; if the text is missing, the build fails.

/// Writes a string to memory in the way that every browser with WebAssembly supports. A new view each time: a string is rarely longer than the
/// code that keeps a view and detects that the memory has grown.
const PASS_STRING: &str = "function passStringToWasm0(arg, malloc) {
    const bytes = cachedTextEncoder.encode(arg);
    const ptr = malloc(bytes.length, 1);
    new Uint8Array(wasm.memory.buffer).set(bytes, ptr);
    WASM_VECTOR_LEN = bytes.length;
    return ptr;
}
";
const GET_STRING: &str = "function getStringFromWasm0(ptr, len) {
    return cachedTextDecoder.decode(new Uint8Array(wasm.memory.buffer, ptr, len));
}
";

/// Objects of the page under increasing numbers: the core holds one or two at a time.
const ADD_OBJECT: &str = "function addHeapObject(obj) {
    heap[++heap_last] = obj;
    return heap_last;
}
";
const TAKE_OBJECT: &str = "function takeObject(idx) {
    const ret = heap[idx];
    delete heap[idx];
    return ret;
}
";

/// The first line of a block and its replacement. A block ends with a brace at the start of a line.
const REPLACED_BLOCKS: &[(&str, &str)] = &[
    ("function passStringToWasm0(arg, malloc, realloc) {\n", PASS_STRING),
    // Safari's decoder fails only after two gigabytes of text, which no page reads.
    ("function decodeText(bytes) {\n", ""),
    ("if (!('encodeInto' in cachedTextEncoder)) {\n", ""),
    ("function getStringFromWasm0(ptr, len) {\n", GET_STRING),
    ("let cachedUint8ArrayMemory0 = null;\nfunction getUint8ArrayMemory0() {\n", ""),
    ("function addHeapObject(obj) {\n", ADD_OBJECT),
    ("function dropObject(idx) {\n", ""),
    ("function takeObject(idx) {\n", TAKE_OBJECT),
];

/// A text and its replacement, wherever it stands.
const REPLACED_TEXTS: &[(&str, &str)] = &[
    (", wasm.__wbindgen_realloc", ""),
    ("const MAX_SAFARI_DECODE_BYTES = 2146435072;\n", ""),
    ("let numBytesDecoded = 0;\n", ""),
    // The core looks up its imports by name, so a prototype does no harm.
    ("        __proto__: null,\n", ""),
    ("    cachedUint8ArrayMemory0 = null;\n", ""),
    // The numbers up to 1027 are those of constants, of which the core uses `undefined` alone.
    ("let heap = new Array(1024).fill(undefined);\nheap.push(undefined, null, true, false);\n", "const heap = [];\n"),
    ("let heap_next = heap.length;\n", "let heap_last = 1027;\n"),
    // The memory stays below two gigabytes.
    (" >>> 0", ""),
    // No text of the core starts with a byte order mark.
    (
        "let cachedTextDecoder = new TextDecoder('utf-8', { ignoreBOM: true });\ncachedTextDecoder.decode();\n",
        "const cachedTextDecoder = new TextDecoder();\n",
    ),
];

/// The body of an import that the core does not use: after optimisation the module does not have it any more.
const UNUSED_IMPORT: &str = "{\n            throw new Error(getStringFromWasm0(arg0, arg1));\n        },\n";

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
    for (old, new) in REPLACED_TEXTS {
        if !text.contains(old) {
            return Err((*old).into());
        }
        text = text.replace(old, new);
    }
    let (before, after) = text.split_once(UNUSED_IMPORT).ok_or(UNUSED_IMPORT)?;
    let (before, _name) = before.rsplit_once('\n').ok_or(UNUSED_IMPORT)?;
    Ok(without_try_blocks(&[before, "\n", after].concat()))
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

    const GLUE: &str = "const import0 = {
        __proto__: null,
        get: function(arg0) {
            header(arg0 >>> 0);
        },
        fail: function(arg0, arg1) {
            throw new Error(getStringFromWasm0(arg0, arg1));
        },
};
function addHeapObject(obj) {
    a;
}
function dropObject(idx) {
    b;
}
function takeObject(idx) {
    t;
}
let cachedUint8ArrayMemory0 = null;
function getUint8ArrayMemory0() {
    d;
}
let heap = new Array(1024).fill(undefined);
heap.push(undefined, null, true, false);
let heap_next = heap.length;
let cachedTextDecoder = new TextDecoder('utf-8', { ignoreBOM: true });
cachedTextDecoder.decode();
const MAX_SAFARI_DECODE_BYTES = 2146435072;
let numBytesDecoded = 0;
function getStringFromWasm0(ptr, len) {
    e;
}
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
function __wbg_finalize_init(instance) {
    cachedUint8ArrayMemory0 = null;
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
    fn unneeded_code_is_replaced_and_the_rest_is_unchanged() {
        let import = "const import0 = {\n        get: function(arg0) {\n            header(arg0);\n        },\n};\n";
        let heap = "const heap = [];\nlet heap_last = 1027;\n";
        let decoder = "const cachedTextDecoder = new TextDecoder();\n";
        let call = "function call(key) {\n        ptr0 = passStringToWasm0(key, wasm.__wbindgen_malloc);\n    wasm.call(ptr0);\n}\n";
        let rest =
            format!("function __wbg_finalize_init(instance) {{\n}}\nfunction careful{}", GLUE.split_once("function careful").unwrap().1);
        assert_eq!(strip(GLUE), Ok([import, ADD_OBJECT, TAKE_OBJECT, heap, decoder, GET_STRING, PASS_STRING, call, &rest].concat()));
    }

    #[test]
    fn missing_text_is_an_error() {
        for text in REPLACED_TEXTS.iter().chain(REPLACED_BLOCKS).map(|(text, _)| *text).chain([UNUSED_IMPORT]) {
            assert_eq!(strip(&GLUE.replace(text, "")), Err(text.to_owned()));
        }
    }
}
