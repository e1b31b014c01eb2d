// The names of the numbers that cross the border between the core and the script, see src/numbered.rs.

import { readFileSync } from "node:fs";

/** Returns the names of the numbered list in a file of the core, such as `input.rs`, in the order of the numbers. */
export const numberedNames = (file) => {
  const [list] = readFileSync(new URL(`../../../src/${file}`, import.meta.url), "utf8").match(/numbered! \{[^]*?\n\}/);
  return [...list.matchAll(/^ {8}([A-Z]\w+),$/gm)].map(([, name]) => name);
};
