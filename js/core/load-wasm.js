// Loads the core as WebAssembly. This file is a bundle of its own, with the generated glue and the host functions inside.

import { attach, core, imports } from "tillroll-glue";

import { withDebug } from "../debug/enabled.js";
import { createHost } from "./host.js";

/** The smallest valid module: a page that may not compile it may not compile the core either, and need not download that. */
const EMPTY_MODULE = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);

/**
 * Returns the core's exports, see src/browser/exports.rs, with `createHost`; `wasmUrl` is the address of the module. Rejects if WebAssembly
 * is unavailable or blocked by a policy, or if the response is not the module.
 */
export const load = async (wasmUrl) => {
  new WebAssembly.Module(EMPTY_MODULE);
  const response = await fetch(wasmUrl);
  const { instance } = await WebAssembly.instantiate(await response.arrayBuffer(), imports());
  attach(instance);
  return withDebug({ ...core, host: createHost });
};
