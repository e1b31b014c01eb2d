// Reads the flat texts in which pages record calls, see js/loose.js. Only who has to understand a call that is written down already needs it;
// the core reads them by itself.

import { END } from "./loose.js";

/** Returns the value that `text` is; throws where it is none. */
export const read = (text) => {
  let at = 0;
  const word = () => {
    const end = text.indexOf(END, at);
    if (end < 0) throw new SyntaxError("a text without an end");
    const found = text.slice(at, end);
    at = end + 1;
    return found;
  };
  const number = (digits) => (String(Number(digits)) === digits ? Number(digits) : BigInt(digits));
  const value = () => {
    const sign = text[at++];
    if (sign === "$") return word();
    if (sign === "#") return number(word());
    if (sign === "y" || sign === "n") return sign === "y";
    if (sign === "[") {
      const list = [];
      while (text[at] !== "]") list.push(value());
      at++;
      return list;
    }
    if (sign === "{") {
      const object = {};
      while (text[at] === ":") {
        at++;
        const name = word();
        object[name] = value();
      }
      at++;
      return object;
    }
    if (sign === "z") return null;
    throw new SyntaxError(`no value begins with ${sign}`);
  };
  return value();
};
