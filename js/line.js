// Where calls wait until the core is there: each is recorded at once, kept at once where that is allowed, and handed over in order.

import { END, flat } from "./loose.js";
import { quietly } from "./quiet.js";
import { NOTES, find, recall } from "./recall.js";
import { record } from "./record.js";

/** How much of calls one beacon takes, in characters, none of which has more than three bytes. */
const ROOM = 18e3;

/** Where local storage holds the calls of pages that were left before they had a core: the next one that is left so begins with them. */
const EARLY = "tillroll-early";

/**
 * Returns the page's line. `texts` is what the core starts with, see src/browser/exports.rs; `settings` is what its edge is made of;
 * `store` keeps calls.
 */
export const openLine = (texts, settings, store) => {
  const first = record("tillroll", "land", {});
  const waiting = [];
  const listeners = [];
  let core;
  let busy = true;
  let early = recall(EARLY);
  let said = early;
  let open = texts.consent === "granted";

  /** Keeps a call that has to wait for its turn, be it for what earlier pages kept: the page may leave it behind. */
  const keep = ({ key, text }) => {
    if (!busy || !open) return;
    store.keep(key, text);
    early = (early + text).length > ROOM ? text : early + text;
  };

  /** What the core starts with, and whoever takes its place. */
  const options = (notes) => flat({ ...texts, visitor: recall(settings.visitorCookie), session: recall(settings.sessionCookie), notes });

  /**
   * The page is left, and maybe nobody ever comes back: of calls that the core does not have, the collector gets the calls themselves and
   * makes their events, as the next page will. What does not fit is left to that. Pages before it that were left like this come first, for
   * who the visitor is, and which visit, follows from their calls.
   */
  const leave = () => {
    if (said === early) return;
    said = early;
    quietly(() => localStorage.setItem(EARLY, early));
    quietly(() => navigator.sendBeacon(settings.collector + "v2/calls", options(recall(NOTES)).slice(0, -1) + `:calls${END}[${early}]}`));
  };

  /** The core has all calls. */
  const settle = () => {
    if (early) quietly(() => localStorage.removeItem(EARLY));
    early = said = "";
  };

  // At once: the first call may be the submit that leaves the page, and the store must be open by then, or what it begins to write is lost.
  keep(first);
  addEventListener("pagehide", leave, true);
  addEventListener("visibilitychange", leave, true);

  /** Runs what waits, in its turn, until a step holds the others back; a step may make calls, whose turn it is then. */
  const pump = () => {
    busy = false;
    while (!busy && waiting.length) quietly(waiting.shift());
    if (!busy) settle();
  };

  /** Holds calls back, and returns what lets them go on; while they are held back already, that lets go of nothing. */
  const wait = () => (busy ? () => {} : ((busy = true), pump));

  /** Runs `step` with the core in its turn: now, or when the core is there and all before it is done. */
  const soon = (step) => {
    if (busy) waiting.push(step);
    else quietly(step);
  };

  return {
    call: (api, type, params, extra) => {
      const call = record(api, type, params, extra);
      soon(() => core.call(call.key, call.text));
      // Its turn may have made it wait.
      keep(call);
    },
    consent: (word) => {
      if (word !== "granted") open = settle();
      if (word === "denied") store.wipe();
      soon(() => core.consent(String(word)));
    },
    reset: () => {
      const { key, text } = record("tillroll", "reset", {});
      soon(() => core.reset(key, text));
    },
    flush: () =>
      new Promise((settled) => {
        const entry = ["settled", () => {
          listeners.splice(listeners.indexOf(entry), 1);
          settled();
        }];
        listeners.push(entry);
        soon(() => core.flush());
      }),
    on: (name, listener) => {
      listeners.push([name, listener]);
    },
    attach: (arrived) => {
      core = arrived;
      const lent = core.edge({ ...settings, find, recall, store, listeners, wait }, core);
      busy = false;
      quietly(core.start, lent, options(), first.key, first.text);
      if (!busy) pump();
    },
  };
};
