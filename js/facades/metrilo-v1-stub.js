// The v1 API of `window.metrilo`, which old themes and plug-ins still use. Its loader snippet was a stub that recorded calls as
// `[method, ...args]` in `q` or `queue`. The library installs the methods of both APIs on that object. v1 calls are recorded raw, with their
// own time; pages that make them load snippet/replay.js, which decodes them.

import { consumeQueue, readProperty } from "../safe.js";

const METHODS = ["event", "track", "pageview", "purchase", "load", "debug", "atr"];

/** Properties that only the `identify` of the v1 API takes. */
const IDENTIFY_PROPERTIES = ["first_name", "last_name", "phone_number", "subscribed", "name", "tags"];

/** Installs the v1 methods on `target`; each call, and each that a stub recorded, goes to `onCall([method, ...args])`. */
export const installV1Stub = (target, onCall) => {
  const stub = target.q || target.queue;
  const { identify } = target;
  for (const name of METHODS) target[name] = (...args) => onCall([name, ...args]);
  // Both APIs have `identify`. On a stub it is the v1 method; elsewhere only if it gets properties that only the v1 method takes.
  target.identify = (email, details) => {
    if (stub || IDENTIFY_PROPERTIES.some((name) => readProperty(details, name) !== undefined)) onCall(["identify", email, details]);
    else identify(email);
  };
  for (const queue of [target.q, target.queue]) if (Array.isArray(queue)) consumeQueue(queue, onCall);
};
