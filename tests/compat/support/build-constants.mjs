// Defines the constants that the build inserts into the scripts, for tests in Node. They are read from their one source; import this file
// before the script that needs them.

import { readFileSync } from "node:fs";

const source = readFileSync(new URL("../../../protocol/src/cookies.rs", import.meta.url), "utf8");

/** Returns the string literals in the definition of a Rust constant. */
const strings = (name) => [...new RegExp(`const ${name}: [^=]*=([^;]*);`).exec(source)[1].matchAll(/"([^"]*)"/g)].map(([, text]) => text);

[globalThis.__VISITOR_COOKIE__] = strings("VISITOR_COOKIE");
[globalThis.__SESSION_COOKIE__] = strings("SESSION_COOKIE");
globalThis.__SHARED_HOSTS__ = strings("SHARED_HOSTS");
globalThis.__SECOND_LEVEL_LABELS__ = strings("SECOND_LEVEL_LABELS");
