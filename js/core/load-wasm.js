// Loads the core as WebAssembly. This file is a bundle of its own, with the generated glue and the host functions inside.

import { attach, imports } from "tillroll-glue";

import { withDebug } from "../debug/enabled.js";
import { bindCore } from "./bind-core.js";
import { createHost } from "./host.js";

/** The smallest valid module: a page that may not compile it may not compile the core either, and need not download that. */
const EMPTY_MODULE = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);

/**
 * Returns the core, see bind-core.js; `wasmUrl` is the address of the module. Rejects if WebAssembly
 * is unavailable or blocked by a policy, or if the response is not the module.
 */
export const load = async (wasmUrl) => {
  new WebAssembly.Module(EMPTY_MODULE);
  const response = await window.fetch(wasmUrl);
  // Compiles while it downloads, if no proxy has changed the type that this requires.
  const canStream = WebAssembly.instantiateStreaming && response.headers.get("content-type") === "application/wasm";
  const { instance } = canStream
    ? await WebAssembly.instantiateStreaming(response, imports())
    : await WebAssembly.instantiate(await response.arrayBuffer(), imports());
  attach(instance);
  return withDebug(bindCore(createHost));
};
