// The entry point of the npm package: the same library for applications that bundle their scripts. Importing it has no side effect. Under
// Node all functions exist and do nothing, so that pages can be rendered on a server.

import { startOnce } from "./package/start.js";

/** Starts the tracker, once; see index.d.ts. Bundlers find the WebAssembly file by this expression. */
export const start = (options) => startOnce(options, ({ wasm }) => wasm || new URL("./core.wasm", import.meta.url));
