// `tillroll/loader`: the entry of the npm package for bundlers that emit no WebAssembly file. It is one script without imports; the page gives
// the address of `core.wasm`, and the files that a page rarely needs are beside that.

import { setWasmAddress } from "./file-addresses.js";
import { startOnce } from "./start.js";

/** Starts the tracker, once; see loader.d.ts. */
export const start = (options) => startOnce(options, ({ wasm }) => wasm && setWasmAddress(wasm));
