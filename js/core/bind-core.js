// The core as an object of functions, made from the two exports of the module: each passes an input, then executes the effects.

import { core } from "tillroll-glue";

import { executeEffects } from "./effects.js";

/* global __INPUTS__ */

/** Returns the core: a function for each `InputKind` of src/input.rs, `onResponse`, and `host`, which is `createHost`. */
export const bindCore = (createHost) => {
  let host;
  const thenExecute = (step) => (...args) => {
    step(...args);
    executeEffects(host);
  };
  const bound = { host: createHost, onResponse: thenExecute(core.onResponse) };
  __INPUTS__.forEach((name, kind) => (bound[name] = thenExecute((...texts) => core.handle(kind, ...texts))));
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
