// Flattens a value of the page into one text, in the form that protocol/src/loose.rs reads. Whatever the page gives (cycles, throwing
// getters, proxies, functions), a text comes out: what cannot be read is nothing.

const END = "\x1f";
const DEPTH = 10;
const MEMBERS = 1000;

const text = (value) => String(value).split(END).join("") + END;

const members = (value, depth) => {
  let out = "";
  let left = MEMBERS;
  for (const key of Object.keys(value)) {
    if (!left--) break;
    const flat = flatten(value, key, depth);
    if (flat !== "z") out += ":" + text(key) + flat;
  }
  return out;
};

const elements = (value, depth) => {
  let out = "";
  const length = Math.min(value.length, MEMBERS);
  for (let at = 0; at < length; at++) out += flatten(value, at, depth);
  return out;
};

const flatten = (holder, key, depth) => {
  try {
    let value = holder[key];
    if (value && depth && typeof value.toJSON === "function") value = value.toJSON();
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
        if (!value || !depth) return "z";
        return Array.isArray(value) ? "[" + elements(value, depth - 1) + "]" : "{" + members(value, depth - 1) + "}";
    }
  } catch (e) {
    // A getter or a proxy of the page threw: it said nothing.
  }
  return "z";
};

/** Returns `value` as flat text. */
export const flat = (value) => flatten([value], 0, DEPTH);
