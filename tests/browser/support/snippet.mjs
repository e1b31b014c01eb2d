// The inline snippet as docs/install.md has it. The build checks that it equals the built one.

import { readFileSync } from "node:fs";

const GUIDE = readFileSync(new URL("../../../docs/install.md", import.meta.url), "utf8");

/** The form that stores calls in the browser, and the form that stores nothing; each with its tags. */
export const [KEEPING, HOLDING] = GUIDE.match(/^<script>.*"tillroll:".*<\/script>$/gm);
