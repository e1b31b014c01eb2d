// The inline snippet as the README has it, which the build checks to be its own.

import { readFileSync } from "node:fs";

const README = readFileSync(new URL("../../../README.md", import.meta.url), "utf8");

/** The form that keeps calls in the browser, and the one that stores nothing; each with its tags. */
export const [KEEPING, HOLDING] = README.match(/^<script>.*"tillroll:".*<\/script>$/gm);
