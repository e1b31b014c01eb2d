// The core's own file: the generated glue, fetched when the page has time, with the WebAssembly beside it.

import init, * as core from "tillroll-glue";

/** Returns the started core; `wasm` is its address. */
export const load = (wasm) => init({ module_or_path: wasm }).then(() => core);
