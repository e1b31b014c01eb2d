// Creates a call at the moment when the page makes it: it holds everything from which the core derives the event later. The format is
// defined in protocol/src/call.rs.

import { member, now } from "../page.js";
import { tryCall } from "../safe.js";
import { encodeFlat } from "./flat-encode.js";

/** Sequence numbers in keys start here, so that all have the same number of digits. */
const FIRST_SEQUENCE_NUMBER = 1e6;

/** Does not start at zero: a visitor id begins with the digits of the visitor's first call, and ids should not all begin alike. */
let sequence = Math.floor(Math.random() * 2048);
let latest = 0;

/** Returns `number` as hexadecimal digits of the fixed width of numbers below `base`, a power of 16; a larger one starts again. */
const toDigits = (number, base) => (number + base).toString(16).slice(1);

/** Returns 42 hexadecimal digits: a counter of four digits, so that call ids increase within a millisecond too, then random digits. */
const createSeed = () => {
  // The array takes each number modulo 2 ** 32.
  const numbers = new Uint32Array(5).map(() => 1e10 * Math.random());
  // Replaces them, unless the page has a `crypto` of its own.
  tryCall(() => window.crypto.getRandomValues(numbers));
  return numbers.reduce((digits, number) => digits + toDigits(number, 2 ** 32), toDigits(sequence, 2 ** 16)).slice(0, 42);
};

/**
 * Returns `{ key, text }`: the storage key of a new call, and the call in the flat format. `extra` may contain `store` (the store id) and a
 * `time` and `url` that replace the current ones. Keys sort by time and order of the calls. A key ends in 1, so that the key of the `land`
 * event that a call may cause sorts before it.
 */
export const createCall = (api, type, params, extra) => {
  const time = now();
  const seed = createSeed();
  // Keys keep the order of the calls even if the system clock is set back while the page is open.
  latest = Math.max(latest, time);
  return {
    key: `${latest}-${FIRST_SEQUENCE_NUMBER + sequence++}-${seed.slice(0, 6)}1`,
    text: encodeFlat({ time, seed, api, type, url: location.href, referrer: member(document, "referrer"), title: member(document, "title"), params, ...extra }),
  };
};
