// Records a call the moment it is made: all that anybody needs to make the event of it later. See protocol/src/call.rs.

import { flat } from "./loose.js";

const SEED_BYTES = 21;

/** Calls are numbered from here, so that all numbers are of one length. */
const FIRST = 1e6;

/** Not from zero: a visitor's id is made of the digits of their first call, and should not begin as everybody's. */
let calls = Date.now() % 2048;
let latest = 0;

/** Returns 42 hexadecimal digits: four that count, so that the ids of calls grow within a millisecond too, and then random ones. */
const seed = () => {
  const bytes = new Uint8Array(SEED_BYTES);
  crypto.getRandomValues(bytes);
  bytes[0] = calls >> 8;
  bytes[1] = calls;
  // Not `Array.from`, which the Prototype library of old themes replaces by one that maps nothing.
  return [...bytes].map((byte) => (byte + 256).toString(16).slice(1)).join("");
};

/**
 * Returns `{ key, text }` of a call; `extra` may hold a `time` of its own and the `store` that it is of. The text is the call and the key
 * under which it is kept. Keys sort by the time of the calls and their order; they end in a 1, which leaves room for the landing that a call
 * may bring.
 */
export const record = (api, type, params, extra) => {
  const time = Date.now();
  const digits = seed();
  const { referrer, title } = document;
  // A clock that is set back while the page is open does not change the order of its calls.
  latest = Math.max(latest, time);
  return {
    key: [latest, FIRST + calls++, digits.slice(0, 6) + 1].join("-"),
    text: flat({ time, seed: digits, api, type, url: location.href, referrer, title, params, ...extra }),
  };
};
