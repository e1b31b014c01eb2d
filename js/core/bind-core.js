// The core as an object of functions, made from the one export of the module: each passes an input, then executes the effects.

import { core } from "tillroll-glue";

import { executeEffects } from "./effects.js";

/* global __INPUTS__, __RESPONSE_INPUT__ */

/** Returns the core: a function for each `InputKind` of src/input.rs, which takes its texts, and `host`, which is `createHost`. */
export const bindCore = (createHost) => {
  let host;
  const handle = (kind, response, ...texts) => {
    // Only the last text may contain the separator.
    core.handle(kind, texts.join("\0"), response);
    executeEffects(host);
  };
  const bound = { host: createHost };
  __INPUTS__.forEach((name, kind) => (bound[name] = (...texts) => handle(kind, null, ...texts)));
  /** The response comes before the texts. */
  bound.onResponse = (...args) => handle(__RESPONSE_INPUT__, ...args);
  const { start, stored, restored } = bound;
  /** `entries` has keys and texts alternately, in the order of the keys. */
  bound.restore = (entries) => {
    entries.forEach((text, at) => at % 2 && stored(entries[at - 1], text));
    restored();
  };
  /** `state` has the texts `consent`, `visitor`, `session` and `notes`, and optionally `made`, an id that the shop's server generated. */
  bound.start = (hostFunctions, { consent, visitor, session, notes, made }, key, call) => {
    host = hostFunctions;
    bound.onState(visitor, session, notes);
    bound.onServerId(made);
    start(consent, key, call);
  };
  return bound;
};
