// Parser of the flat text format in which pages record their calls. The counterpart in Rust is protocol/src/flat_format.rs.

import assert from "node:assert/strict";

/** Parses a flat text into plain JSON. A number that JavaScript would print differently becomes `{ $number: digits }`. */
export const parseFlat = (text) => {
  let at = 0;
  const readText = () => text.slice(at, (at = text.indexOf("\x1f", at) + 1) - 1);
  const readValue = () => {
    const tag = text[at++];
    if (tag === "y" || tag === "n") return tag === "y";
    if (tag === "$") return readText();
    if (tag === "#") {
      const digits = readText();
      return String(Number(digits)) === digits ? Number(digits) : { $number: digits };
    }
    if (tag === "z") return null;
    const list = [];
    const object = {};
    while (tag === "[" && text[at] !== "]") list.push(readValue());
    while (tag === "{" && text[at] === ":") {
      at++;
      object[readText()] = readValue();
    }
    assert.equal(text[at++], tag === "[" ? "]" : "}", `at ${at} of ${JSON.stringify(text.slice(0, 1000))}`);
    return tag === "[" ? list : object;
  };
  const value = readValue();
  assert.equal(at, text.length);
  return value;
};
