// The core as an object: one function passes an input to the only export of the module, then executes the effects.

import { core as glue } from "tillroll-glue";

import { executeEffects } from "./effects.js";

/* global INPUTS */

/**
 * Returns the core: `input(kind, ...texts)` passes an input of a kind of `InputKind` in src/input.rs, `respond(response, ...texts)` the result
 * of a request. `open(page)` adds the functions of calls.js, and returns the functions that execute the effects; `createHost(page, core)`
 * makes both.
 */
export const bindCore = (createHost) => {
  let host;
  const handle = (kind, response, texts) => {
    // Only the last text may contain the separator.
    glue.handle(kind, texts.join("\0"), response);
    executeEffects(host);
  };
  const core = {
    open: (page) => (host = createHost(page, core)),
    input: (kind, ...texts) => handle(kind, null, texts),
    respond: (response, ...texts) => handle(INPUTS.RequestDone, response, texts),
  };
  return core;
};
