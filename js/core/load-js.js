// Loads the core as JavaScript, for pages where WebAssembly is unavailable: wasm2js translates the same module, and the same glue serves it.
// Pages fetch this bundle only if load-wasm.js fails.

import { attach, imports } from "tillroll-glue";
import instantiate from "tillroll-translated";

import { withDebug } from "../debug/enabled.js";
import { bindCore } from "./bind-core.js";
import { createHost } from "./host.js";

/** Returns the same as `load` in load-wasm.js. */
export const load = async () => {
  attach({ exports: instantiate(imports()) });
  return withDebug(bindCore(createHost));
};
