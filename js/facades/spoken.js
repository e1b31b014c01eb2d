// What pages said in a vendor's own words while nobody was there to understand them: calls of the first generation, which the page records
// as they are (metrilo-stub.js), and calls that the inline snippet wrote down (js/snippet.js). It makes of them the calls that the library
// would have recorded, with their own times and pages. Whoever does so makes the same ones, to the seed: on the page itself, on a later one,
// or on both.

import { flat } from "../loose.js";
import { hash, quietly } from "../quiet.js";
import { read } from "../read.js";
import { PREFIX, SPOKEN } from "../store.js";
import { hearFirst } from "./metrilo-stub.js";
import { firstGeneration } from "./metrilo-v1.js";
import { WORDS } from "./metrilo.js";
import { list, ometria } from "./ometria.js";
import { words } from "./words.js";

/** Calls are numbered from here, as in js/record.js. */
const FIRST = 1e6;

/** A seed's length in words of 32 bits, and in digits. */
const SEED_WORDS = 6;
const SEED_DIGITS = 42;

/** How many digits of a seed count the calls of a page. */
const COUNT = 4;

/** Returns a seed that is always the same for the same text: as good as that text is rare. */
export const seedOf = (text) => {
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

/** Returns `number` in so many hexadecimal digits. */
const hex = (number, digits) => number.toString(16).padStart(digits, "0").slice(-digits);

/** Returns the seed of the nth call that a call with `seed` means: it counts as that one does, see js/record.js, and then by itself. */
const nthSeed = (seed, nth) => seed.slice(0, COUNT) + hex(nth, 2) + seedOf(seed + nth).slice(COUNT + 2);

/** Returns what was said in one recorded call of the first generation, or none where the text is something else. */
const ofText = (key, text) => {
  const { time, seed, type, url, referrer, title, params } = hash(quietly(read, text));
  if (type !== SPOKEN) return undefined;
  const [method, ...given] = list(params);
  return { page: key, base: key.slice(0, -1), at: 0, time, seed, url, referrer, title, object: "first", method, given };
};

/** Returns what the snippet wrote down, or none where it is nothing of the kind. */
const ofNote = (note) => {
  const [id, time, url, referrer, title, object, method, given] = note;
  const dot = id.lastIndexOf(".");
  const at = +id.slice(dot + 1);
  const digits = seedOf(id + time + url);
  const seed = hex(at, COUNT) + digits.slice(COUNT);
  const base = [time, FIRST + at, digits.slice(0, 6)].join("-");
  return { key: id.slice(PREFIX.length), page: id.slice(0, dot), base, at, time, seed, url, referrer, title, object, method, given };
};

/** Returns functions for each object whose words `said` are; `say` is told whose, which event, and its parameters. */
const understanding = (say, raw) => {
  const second = words(WORDS, say("metrilo"));
  const first = firstGeneration(say("metrilo-v1"), second);
  const metrilo = { ...second };
  hearFirst(metrilo, first);
  const other = {};
  ometria(other, say("ometria"), () => "");
  other.raw_data = raw;
  return { metrilo, ometria: other, first };
};

/**
 * Returns the calls that a page meant, as pairs of key and text, in the order in which they were said, but for its first `init`, which goes
 * before what waits for it. `live` is what the page has under the name of the second object, where this is that page.
 */
const meant = (said, live) => {
  const calls = [];
  let now;
  let nth;
  let muted;
  const say = (api) => (type, params, extra) => {
    if (muted) return void (muted = false);
    const { time, seed, url, referrer, title, base } = now;
    const own = nthSeed(seed, nth);
    // The first generation took the name of a page that is not named from its title.
    if (api === "metrilo-v1" && type === "page_view") params.name = params.name || title;
    calls.push([base + ++nth, flat({ time, seed: own, api, type, url, referrer, title, params, store: hash(extra).store })]);
  };
  const speak = understanding(say, hash(live).raw_data);
  const play = (one) => {
    now = one;
    nth = 0;
    const { object, method, given } = one;
    quietly(() => (object === "first" ? speak.first([method, ...given]) : speak[object][method](...given)));
  };
  const first = said.find(({ object, method }) => object === "ometria" && method === "init");
  let isOpen;
  for (const one of said) {
    if (one.object === "ometria" && !isOpen) {
      // Nothing waits for what was never said.
      muted = !first;
      if (first) play(first);
      else speak.ometria.init();
      muted = false;
      isOpen = true;
    }
    if (one !== first) play(one);
  }
  quietly(() => {
    const { basket } = speak.ometria;
    if (basket.items.length && !live.basket.items.length) live.basket = new live.Basket(basket);
  });
  return calls;
};

/** Returns the calls that a recorded call of the first generation means. */
const callsOf = (key, text) => {
  const said = ofText(key, text);
  return said ? meant([said]) : [[key, text]];
};

const byPage = (said) => {
  const pages = {};
  said.forEach((one) => (pages[one.page] = pages[one.page] || []).push(one));
  return Object.values(pages).map((page) => page.sort((one, other) => one.at - other.at));
};

/** What a page asked of the library that is not a call. */
const wishes = ({ object, method, given }) => object === "metrilo" && method === "integrateForm" && quietly(() => window.metrilo.integrateForm(...given));

/**
 * Sorts what is kept, keys and texts in turn, and what this page's snippet noted. Returns `{ kept, calls, spent }`: `kept` with everything
 * understood that earlier pages said, `calls` of this page, and the keys of what has been understood and is to be forgotten.
 */
const understood = (given, notes) => {
  const kept = [];
  const spent = [];
  const earlier = [];
  const said = notes.map((note) => quietly(ofNote, note)).filter(Boolean);
  const own = said.map(({ key }) => key);
  for (let at = 0; at < given.length; at += 2) {
    const [key, text] = given.slice(at, at + 2);
    // With the Prototype library of old themes a list is printed as a text that is printed again.
    const isNote = /^["[]/.test(text);
    const note = isNote && quietly(() => ofNote(JSON.parse(text[0] === "[" ? text : JSON.parse(text))));
    const calls = isNote ? [] : callsOf(key, text);
    if (note && !own.includes(key)) earlier.push(note);
    // What takes the place of a recorded call has its key.
    if (!calls.length) spent.push(key);
    kept.push(...calls.flat());
  }
  // Behind what else is kept: if their page, or one after it, was left without a core, others have told of the visit by that.
  byPage(earlier).forEach((page) => kept.push(...meant(page).flat()));
  const calls = said.length ? meant(said, window.ometria) : [];
  said.forEach(wishes);
  return { kept, calls, spent };
};

/** From now on `core` understands calls in a vendor's own words, those that are kept, and behind what is restored `notes`, the page's own. */
export const teach = (core, store, notes) => {
  if (core.taught) return;
  core.taught = true;
  const { call, restore } = core;
  const forget = (keys) => keys.length && store.forget(keys);
  let played = 0;
  core.call = (key, text) => {
    const calls = callsOf(key, text);
    calls.forEach((one) => call(...one));
    if (!calls.length) forget([key]);
  };
  core.restore = (given) => {
    const { kept, calls, spent } = understood(given, Array.isArray(notes) ? notes.slice(played) : []);
    played = notes.length;
    restore(kept);
    calls.forEach((one) => call(...one));
    // They have become others by now.
    forget(spent);
  };
};
