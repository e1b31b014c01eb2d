// Flattens a value of the page into one text, in the form that protocol/src/flat_format.rs reads. Whatever the page gives (cycles, throwing
// getters, proxies, functions, its whole window), a text comes out, and soon: what cannot be read is nothing, and what is too much is cut.

/** Ends a number, a text or a key. */
export const END = "\x1f";
const DEPTH = 10;

/** The longest string, in characters; the core cuts again, in bytes. */
const STRING = 8192;

/** How much of a value is looked at, in characters; each value counts for some more, and an event that is full to the brim has room. */
const ROOM = 131072;
const VALUE = 16;

let room;

const text = (value) => {
  const cut = String(value).slice(0, STRING);
  room -= cut.length;
  return cut.split(END).join("") + END;
};

/**
 * Returns what an object stands for: its JSON form, or the value that it boxes. Lists and texts are never asked: the Prototype library of
 * old themes gives them a `toJSON` that prints.
 */
const meant = (value) => {
  const ask = typeof value.toJSON === "function" ? value.toJSON : value.valueOf;
  return typeof ask === "function" ? ask.call(value) : value;
};

const members = (value, depth) => {
  let out = "";
  for (const key of Object.keys(value)) {
    if (room < 0) break;
    const flat = flatten(value, key, depth);
    if (flat !== "z") out += ":" + text(key) + flat;
  }
  return out;
};

const elements = (value, depth) => {
  let out = "";
  for (let at = 0; at < value.length && room > 0; at++) out += flatten(value, at, depth);
  return out;
};

const flatten = (holder, key, depth) => {
  room -= VALUE;
  try {
    let value = holder[key];
    if (value && depth && typeof value === "object" && !Array.isArray(value)) value = meant(value);
    switch (typeof value) {
      case "string":
        return "$" + text(value);
      case "bigint":
        return "#" + text(value);
      case "number":
        return isFinite(value) ? "#" + text(value) : "z";
      case "boolean":
        return value ? "y" : "n";
      case "object":
        // The bytes of a buffer are nobody's members, and there may be millions.
        if (!value || !depth || ArrayBuffer.isView(value)) return "z";
        return Array.isArray(value) ? "[" + elements(value, depth - 1) + "]" : "{" + members(value, depth - 1) + "}";
    }
  } catch (e) {
    // A getter or a proxy of the page threw: it said nothing.
  }
  return "z";
};

/** Returns `value` as flat text. */
export const flat = (value) => {
  room = ROOM;
  return flatten([value], 0, DEPTH);
};
