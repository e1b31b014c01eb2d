// Replays raw vendor calls: v1 calls, which the page records as they are (facades/metrilo-v1-stub.js), and calls that the inline snippet
// recorded (inline.js). It creates the calls that the library would have recorded, with the original time and page. The result depends only
// on the raw call, seeds included: a replay on the page itself, on a later page, or on both gives the same events.

import { decodeFlat } from "../calls/flat-decode.js";
import { encodeFlat } from "../calls/flat-encode.js";
import { installV1Stub } from "../facades/metrilo-v1-stub.js";
import { createV1Replay } from "../facades/metrilo-v1.js";
import { METHODS } from "../facades/metrilo.js";
import { methodsFromTable } from "../facades/method-table.js";
import { installOmetria } from "../facades/ometria.js";
import { asArray, asObject, tryCall, useLocal } from "../safe.js";
import { BACKLOG_SUFFIX, RAW_CALL_MARKER } from "../storage/event-store.js";

/** Sequence numbers in keys start here, as in calls/create-call.js. */
const FIRST_SEQUENCE_NUMBER = 1e6;

/** The length of a seed, in words of 32 bits and in hexadecimal digits. */
const SEED_WORDS = 6;
const SEED_DIGITS = 42;

/** How many digits of a seed are the counter of calls of a page. */
const COUNTER_DIGITS = 4;

/** Returns a seed derived from `text`: equal for equal texts, and as unique as the text. */
export const deriveSeed = (text) => {
  let seed = "";
  for (let word = 0; word < SEED_WORDS; word++) {
    let mixed = Math.imul(word + 1, 0x9e3779b1);
    for (const letter of text) {
      mixed = Math.imul(mixed ^ letter.codePointAt(0), 0x85ebca6b);
      mixed = (mixed << 13) | (mixed >>> 19);
    }
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0xc2b2ae35);
    seed += ((mixed ^ (mixed >>> 13)) >>> 0).toString(16).padStart(8, "0");
  }
  return seed.slice(0, SEED_DIGITS);
};

/** Returns `number` as that many hexadecimal digits. */
const toHex = (number, digits) => number.toString(16).padStart(digits, "0").slice(-digits);

/** Returns the seed of the nth call that a raw call with `seed` results in: the same counter, then `nth`, then derived digits. */
const seedOfPart = (seed, nth) => seed.slice(0, COUNTER_DIGITS) + toHex(nth, 2) + deriveSeed(seed + nth).slice(COUNTER_DIGITS + 2);

/** Returns the raw v1 call in an encoded call; undefined if the text is anything else. */
const fromV1Call = (key, text) => {
  const { time, seed, type, url, referrer, title, params } = asObject(tryCall(decodeFlat, text));
  if (type !== RAW_CALL_MARKER) return undefined;
  const [method, ...args] = asArray(params);
  return { pageId: key, keyBase: key.replace(/.c?$/, ""), at: 0, time, seed, url, referrer, title, object: "v1", method, args };
};

/** Returns the raw call in a record of the inline snippet; throws if it is anything else. */
const fromSnippetCall = ([id, time, url, referrer, title, object, method, args]) => {
  const dot = id.lastIndexOf(".");
  const at = +id.slice(dot + 1);
  const digits = deriveSeed(id + time + url);
  const seed = toHex(at, COUNTER_DIGITS) + digits.slice(COUNTER_DIGITS);
  const keyBase = [time, FIRST_SEQUENCE_NUMBER + at, digits.slice(0, 6)].join("-");
  return { key: id.slice(id.indexOf(":") + 1), pageId: id.slice(0, dot), keyBase, at, time, seed, url, referrer, title, object, method, args };
};

/** Returns the methods of each vendor object, which call `track(api)(type, params, extra)`; `rawData` is the page data of the second. */
const createTargets = (track, rawData) => {
  const methods = methodsFromTable(METHODS, track("metrilo"));
  const v1 = createV1Replay(track("metrilo-v1"), methods);
  const metrilo = { ...methods };
  installV1Stub(metrilo, v1);
  const ometria = {};
  installOmetria(ometria, track("ometria"), () => "");
  ometria.raw_data = rawData;
  return { metrilo, ometria, v1 };
};

/**
 * Returns the calls that the raw calls of one page result in, as pairs of key and text, in the original order, but with the first `init`
 * before the calls that wait for it. `liveOmetria` is the page's own object if the page is still open.
 */
const replayPage = (rawCalls, liveOmetria) => {
  const calls = [];
  let current;
  let nth;
  let isMuted;
  const track = (api) => (type, params, extra) => {
    if (isMuted) return void (isMuted = false);
    const { time, seed, url, referrer, title, keyBase } = current;
    const partSeed = seedOfPart(seed, nth);
    // The v1 library used the document title as the name of an unnamed page.
    if (api === "metrilo-v1" && type === "page_view") params.name = params.name || title;
    calls.push([keyBase + ++nth, encodeFlat({ time, seed: partSeed, api, type, url, referrer, title, params, store: asObject(extra).store })]);
  };
  const targets = createTargets(track, asObject(liveOmetria).raw_data);
  const replayCall = (rawCall) => {
    current = rawCall;
    nth = 0;
    const { object, method, args } = rawCall;
    tryCall(() => (object === "v1" ? targets.v1([method, ...args]) : targets[object][method](...args)));
  };
  const firstInit = rawCalls.find(({ object, method }) => object === "ometria" && method === "init");
  let isInitialised;
  for (const rawCall of rawCalls) {
    if (rawCall.object === "ometria" && !isInitialised) {
      // If the page never called `init`, a muted one releases the calls that wait for it.
      isMuted = !firstInit;
      if (firstInit) replayCall(firstInit);
      else targets.ometria.init();
      isMuted = false;
      isInitialised = true;
    }
    if (rawCall !== firstInit) replayCall(rawCall);
  }
  tryCall(() => {
    const { basket } = targets.ometria;
    if (basket.items.length && !liveOmetria.basket.items.length) liveOmetria.basket = new liveOmetria.Basket(basket);
  });
  return calls;
};

/** Returns the calls that an encoded call results in: itself, unless it is a raw v1 call. */
const replayV1Call = (key, text) => {
  const rawCall = fromV1Call(key, text);
  if (!rawCall) return [[key, text]];
  const calls = replayPage([rawCall]);
  // The core deletes the stored call with this key.
  if (calls.length) calls[0][0] = key;
  return calls;
};

const groupByPage = (rawCalls) => {
  // Without a prototype: a damaged record may name its page `__proto__`.
  const pages = { __proto__: null };
  rawCalls.forEach((rawCall) => (pages[rawCall.pageId] = pages[rawCall.pageId] || []).push(rawCall));
  return Object.values(pages).map((page) => page.sort((a, b) => a.at - b.at));
};

/** Matches a stored load call, the first of a page. */
const LOAD_CALL = /:type\x1f\$land\x1f/;

/**
 * Returns whether this page, the youngest that has stored a load call, has sent its calls already, because it was hidden before its core had
 * loaded. `backlog` is what the call queue has sent.
 */
const isBacklogSent = (persisted, backlog) =>
  persisted.filter(([, text]) => LOAD_CALL.test(text)).slice(-1).some(([, loadCall]) => backlog.includes(loadCall));

/** Integrates a form if that is what the page asked the snippet for; it is not a call. */
const applyFormSetup = ({ object, method, args }) =>
  object === "metrilo" && method === "integrateForm" && tryCall(() => window.metrilo.integrateForm(...args));

/**
 * Replays the persisted entries, pairs of key and text, and the records of this page's snippet. Returns `{ entries, calls, replayedKeys }`:
 * the entries with the raw calls of earlier pages replaced, the calls to make after the load call, and the keys of the raw calls to delete.
 */
const replayKept = (persisted, snippetCalls, backlog) => {
  const entries = [];
  const replayedKeys = [];
  const earlier = [];
  const ofThisPage = snippetCalls.map((record) => tryCall(fromSnippetCall, record)).filter(Boolean);
  const keysOfThisPage = ofThisPage.map(({ key }) => key);
  for (const [key, text] of persisted) {
    // With the Prototype library of old themes, JSON.stringify encodes an array twice.
    const isSnippetCall = /^\[?"/.test(text);
    const record = isSnippetCall && tryCall(() => fromSnippetCall(JSON.parse(text[0] === "[" ? text : JSON.parse(text))));
    const rawCall = asObject(record).key === key && record;
    // The core drops and counts a damaged record.
    const calls = rawCall ? [] : isSnippetCall ? [[key, text]] : replayV1Call(key, text);
    if (rawCall && !keysOfThisPage.includes(key)) earlier.push(rawCall);
    // Otherwise the first of the calls has the key of the raw call, and the core deletes that.
    if (!calls.length) replayedKeys.push(key);
    entries.push(...calls);
  }
  const earlierCalls = groupByPage(earlier).flatMap((page) => replayPage(page));
  const calls = ofThisPage.length ? replayPage(ofThisPage, window.ometria) : [];
  ofThisPage.forEach(applyFormSetup);
  // Behind all calls from which the collector has derived visitor and session already: the other entries, if an earlier page closed without a
  // core, and the load call of this page, if it was hidden without one.
  if (isBacklogSent(persisted, backlog)) calls.unshift(...earlierCalls);
  else entries.push(...earlierCalls);
  return { entries, calls, replayedKeys };
};

/**
 * Installs the replay in `core`: its `call` and `restore` accept raw calls from then on, and `restore` then calls what `snippetCalls`, the
 * array of this page's snippet, has recorded. Raw calls that result in no call are deleted from `store`.
 */
export const install = (core, store, snippetCalls) => {
  if (core.canReplay) return;
  core.canReplay = true;
  const { call, restore } = core;
  const deleteKeys = (keys) => keys.length && store.delete(keys);
  let replayedCount = 0;
  core.call = (key, text) => {
    const calls = replayV1Call(key, text);
    calls.forEach((replayed) => call(...replayed));
    if (!calls.length) deleteKeys([key]);
  };
  core.restore = (persisted) => {
    const newCalls = Array.isArray(snippetCalls) ? snippetCalls.slice(replayedCount) : [];
    const { entries, calls, replayedKeys } = replayKept(persisted, newCalls, useLocal("getItem", store.name + BACKLOG_SUFFIX) || "");
    replayedCount = snippetCalls.length;
    restore(entries);
    calls.forEach((replayed) => call(...replayed));
    // Last: now the calls that replace them are persisted.
    deleteKeys(replayedKeys);
  };
};
