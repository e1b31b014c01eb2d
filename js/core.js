// The core's own file: the generated glue, fetched when the page has time, with the WebAssembly beside it.

import { attach, core, imports } from "tillroll-glue";

import { edge } from "./edge.js";
import { watched } from "./watched.js";

/** The smallest module there is: whoever refuses it would refuse ours after having downloaded it. */
const EMPTY = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);

/**
 * Returns the core, with what it wants to be lent beside its functions; `wasm` is its address. Rejects where WebAssembly is missing or
 * refused, or the file is not the core.
 */
export const load = async (wasm) => {
  new WebAssembly.Module(EMPTY);
  const response = await fetch(wasm);
  const { instance } = await WebAssembly.instantiate(await response.arrayBuffer(), imports());
  attach(instance);
  return watched({ ...core, edge });
};
