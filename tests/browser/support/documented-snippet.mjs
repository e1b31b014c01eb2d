// The two forms of the inline snippet, read from the documentation. The build checks that the documentation has the snippet of this build.

import { readFileSync } from "node:fs";

const DOCUMENTATION = readFileSync(new URL("../../../README.md", import.meta.url), "utf8");

/** The form that stores calls in local storage, and the form that stores nothing in the browser; each with its script tags. */
export const [PERSISTENT_SNIPPET, MEMORY_SNIPPET] = DOCUMENTATION.match(/^<script>.*"tillroll:".*<\/script>$/gm);
