// The core for pages where WebAssembly is refused or did not arrive: the same core in JavaScript, behind the same glue. It is fetched only
// then.

import { attach, core, imports } from "tillroll-glue";
import translated from "tillroll-translated";

import { edge } from "./edge.js";
import { watched } from "./watched.js";

/** Returns the started core, as core.js does. */
export const load = async () => {
  attach({ exports: translated(imports()) });
  return watched({ ...core, edge });
};
