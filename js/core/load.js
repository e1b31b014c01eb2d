// The entry of the core of the script tag: loads the core as WebAssembly, or as JavaScript where that is unavailable.

import { load as loadWasm } from "./load-wasm.js";

/* global __FALLBACK__, __WASM__ */

/** The folder of this file, and the fragment of its address: it differs for each attempt, because browsers cache that a module failed. */
const [, folder, hash] = /^(.*\/)[^#]*(.*)$/.exec(import.meta.url);

const FALLBACK_FILE = __FALLBACK__ + hash;

/**
 * Returns the same as `load` in load-wasm.js. A browser may have the script of the version before in its cache, and the collector gives it the
 * present core: the number in the name increases with each change after which the two do not work together. Then the script keeps its
 * calls, and sends them when the page closes.
 */
export const load2 = () => loadWasm(folder + __WASM__).catch(() => import(FALLBACK_FILE).then((fallback) => fallback.load()));
