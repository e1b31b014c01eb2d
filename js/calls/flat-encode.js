// Encodes a value of the page in the flat format, which protocol/src/flat_format.rs decodes. It returns a text for any value (cycles, getters that
// throw, proxies, functions, `window`) in bounded time: unreadable values become null, and values above the size limit are truncated.

/** Terminates a number, a string or a key. */
export const TERMINATOR = "\x1f";
const MAX_DEPTH = 10;

/** Longest string, in UTF-16 units; the core truncates again, in bytes. */
const MAX_STRING_CHARS = 8192;

/** Most characters that are read from one value. Each nested value counts as `VALUE_CHARS` more; an event at its limits still fits. */
const MAX_CHARS = 131072;
const VALUE_CHARS = 16;

let charsLeft;

const encodeText = (value) => {
  const text = String(value).slice(0, MAX_STRING_CHARS);
  charsLeft -= text.length;
  return text.split(TERMINATOR).join("") + TERMINATOR;
};

/**
 * Returns the JSON form of an object, or the primitive value that it wraps. Not called for arrays and strings: the Prototype library of old
 * themes gives them a `toJSON` that returns JSON text.
 */
const unwrap = (value) => {
  const convert = value.toJSON || value.valueOf;
  return typeof convert === "function" ? convert.call(value) : value;
};

const encodeObject = (object, depth) => {
  let out = "";
  if (Array.isArray(object)) {
    for (let at = 0; at < object.length && charsLeft > 0; at++) out += encodeValue(object, at, depth);
    return "[" + out + "]";
  }
  for (const key of Object.keys(object)) {
    const encoded = charsLeft > 0 ? encodeValue(object, key, depth) : "z";
    if (encoded !== "z") out += ":" + encodeText(key) + encoded;
  }
  return "{" + out + "}";
};

const encodeValue = (holder, key, depth) => {
  charsLeft -= VALUE_CHARS;
  try {
    let value = holder[key];
    if (value && depth && typeof value === "object" && !Array.isArray(value)) value = unwrap(value);
    const type = typeof value;
    if (type === "string") return "$" + encodeText(value);
    if (value === !!value) return value ? "y" : "n";
    if (type !== "object") {
      // A finite number, or a large integer; `isFinite` may be a function of the page.
      if (value - value == 0) return "#" + encodeText(value);
      // A typed array would be encoded byte by byte, and may have millions of bytes.
    } else if (value && depth && !ArrayBuffer.isView(value)) return encodeObject(value, depth - 1);
  } catch (e) {
    // A getter or a proxy of the page threw: the value becomes null.
  }
  return "z";
};

/** Returns `value` in the flat format. */
export const encodeFlat = (value) => {
  charsLeft = MAX_CHARS;
  return encodeValue([value], 0, MAX_DEPTH);
};
