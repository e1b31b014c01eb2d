// Decodes the flat format of flat-encode.js. Only the replay of raw calls and the debug panel need it in JavaScript; the core has its own
// decoder.

import { TERMINATOR } from "./flat-encode.js";

/** Returns the value that `text` encodes; throws a SyntaxError if the text is malformed. */
export const decodeFlat = (text) => {
  let at = 0;
  const decodeText = () => {
    const end = text.indexOf(TERMINATOR, at);
    if (end < 0) throw new SyntaxError("flat text has no terminator");
    const found = text.slice(at, end);
    at = end + 1;
    return found;
  };
  const toNumber = (digits) => (String(Number(digits)) === digits ? Number(digits) : BigInt(digits));
  const decodeValue = () => {
    const tag = text[at++];
    if (tag === "$") return decodeText();
    if (tag === "#") return toNumber(decodeText());
    if (tag === "y" || tag === "n") return tag === "y";
    if (tag === "[") {
      const list = [];
      while (text[at] !== "]") list.push(decodeValue());
      at++;
      return list;
    }
    if (tag === "{") {
      const object = {};
      while (text[at] === ":") {
        at++;
        const name = decodeText();
        object[name] = decodeValue();
      }
      at++;
      return object;
    }
    if (tag === "z") return null;
    throw new SyntaxError(`invalid flat value tag ${tag}`);
  };
  return decodeValue();
};
