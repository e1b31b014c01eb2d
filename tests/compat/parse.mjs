// Reads the texts in which pages record their calls; the counterpart in Rust is protocol/src/flat_format.rs.

import assert from "node:assert/strict";

/** Returns a flat text as plain JSON. A number that JSON cannot hold stays a text. */
export const parse = (text) => {
  let at = 0;
  const word = () => text.slice(at, (at = text.indexOf("\x1f", at) + 1) - 1);
  const value = () => {
    const sign = text[at++];
    if (sign === "y" || sign === "n") return sign === "y";
    if (sign === "$") return word();
    if (sign === "#") {
      const digits = word();
      return String(Number(digits)) === digits ? Number(digits) : { $number: digits };
    }
    if (sign === "z") return null;
    const list = [];
    const object = {};
    while (sign === "[" && text[at] !== "]") list.push(value());
    while (sign === "{" && text[at] === ":") {
      at++;
      object[word()] = value();
    }
    assert.equal(text[at++], sign === "[" ? "]" : "}", `at ${at} of ${JSON.stringify(text.slice(0, 1000))}`);
    return sign === "[" ? list : object;
  };
  const read = value();
  assert.equal(at, text.length);
  return read;
};
