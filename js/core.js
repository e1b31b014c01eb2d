// The core's own file: the generated glue, fetched when the page has time, with the WebAssembly beside it.

import init, * as core from "tillroll-glue";

import { edge } from "./edge.js";
import { openSpare } from "./spare.js";

/** Returns the core, with what it wants to be lent beside its functions; `wasm` is its address. */
export const load = (wasm) => init({ module_or_path: wasm }).then(() => ({ ...core, edge: (settings) => edge(settings, core), spare: openSpare }));
