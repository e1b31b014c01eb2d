// The v1 API of `window.metrilo`, which old themes and plug-ins still use. Its loader snippet was a stub that recorded calls as
// `[method, ...args]` in `q` or `queue`. The library installs the methods of both APIs on that object. v1 calls are recorded raw, with their
// own time; pages that make them load snippet/replay.js, which decodes them.

import { consumeQueue, tryCall } from "../safe.js";

const METHODS = "event track pageview purchase load debug atr".split(" ");

/** Matches the names of properties that are those of `identify` in metrilo-v1.js. */
const V1_PROPERTY = /_|name|tag|sub/;

/** Installs the v1 methods on `target`; each call, and each that a stub recorded, goes to `onCall([method, ...args])`. */
export const installV1Stub = (target, onCall) => {
  const { q, queue, identify } = target;
  for (const name of METHODS) target[name] = (...args) => onCall([name, ...args]);
  // Both APIs have `identify`. On a stub it is the v1 method; elsewhere only if it gets an object with properties that the v1 method reads.
  target.identify = (email, details) => {
    if (q || queue || V1_PROPERTY.test(tryCall(Object.keys, details))) onCall(["identify", email, details]);
    else identify(email);
  };
  tryCall(consumeQueue, q, onCall);
  tryCall(consumeQueue, queue, onCall);
};
