// The two forms of the inline snippet in docs/install.md. The build checks that they equal the built ones.

import { readFileSync } from "node:fs";

const GUIDE = readFileSync(new URL("../../../docs/install.md", import.meta.url), "utf8");

/** The form that stores calls in local storage, and the form that stores nothing in the browser; each with its script tags. */
export const [PERSISTENT_SNIPPET, MEMORY_SNIPPET] = GUIDE.match(/^<script>.*"tillroll:".*<\/script>$/gm);
