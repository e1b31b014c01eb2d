// The first generation of `window.metrilo`, as old themes and plug-ins still carry it: a stub that recorded calls as `[method, ...args]` in
// `q` or `queue`. The same object is upgraded in place, and both generations of methods stay callable on it. What the old words mean comes
// later, in spoken.js, and only to pages that speak them; calls keep the time at which they were made.

import { drain, member } from "../quiet.js";

const NAMES = ["event", "track", "pageview", "purchase", "load", "debug", "atr"];

/** What only the first generation's `identify` took. */
const DETAILS = ["first_name", "last_name", "phone_number", "subscribed", "name", "tags"];

/** Makes `target` hear the first generation's words; `take(entry)` gets each call, as a stub records it. */
export const hearFirst = (target, take) => {
  const stub = target.q || target.queue;
  const second = target.identify;
  for (const name of NAMES) target[name] = (...args) => take([name, ...args]);
  // A name of both generations: on a stub it is the first one's, elsewhere only where it is given what only the first one took.
  target.identify = (email, given) => {
    if (stub || DETAILS.some((name) => member(given, name) !== undefined)) take(["identify", email, given]);
    else second(email);
  };
  for (const queue of [target.q, target.queue]) if (Array.isArray(queue)) drain(queue, take);
};
