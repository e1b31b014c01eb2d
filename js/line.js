// Where calls wait until the core is there: each is recorded at once, kept at once where that is allowed, and handed over in order.

import { flat } from "./loose.js";
import { quietly } from "./quiet.js";
import { record } from "./record.js";

/** Flat texts, which calls are, and events, which are JSON, differ in the second character. */
const isCall = (text) => String(text)[1] === ":";

/**
 * Returns the page's line. `texts` is what the core starts with, see src/browser/exports.rs; `settings` is what its edge is made of;
 * `store` keeps calls.
 */
export const openLine = (texts, settings, store) => {
  const first = record("tillroll", "land", {});
  const waiting = [];
  const listeners = [];
  // Kept by this page before the core had come, which has them from the line and not from the store.
  const early = new Set();
  let core;

  // The first call may be the submit that leaves the page: the store must be open by then, or what it begins to write is lost.
  if (texts.consent === "granted") store.forget([]);

  /** Hands over what the store kept: events as they are, and what a page kept whose core never came as the calls that they still are. */
  const restore = (kept) => {
    const events = [];
    const calls = [];
    for (let at = 0; at < kept.length; at += 2) {
      const [key, text] = kept.slice(at, at + 2);
      if (!isCall(text)) events.push(key, text);
      else if (!early.has(key)) calls.push([key, text]);
    }
    quietly(core.restore, events);
    for (const call of calls) quietly(core.call, ...call);
  };

  /** What the core is lent: see src/browser/exports.rs. */
  const host = {
    keep: store.keep,
    forget: (keys) => store.forget(keys.split(",")),
    restore: () => store.all(restore),
    wipe: store.wipe,
    report: ([name, count, reason, field, answer]) => {
      const report = { name, count, reason, field, answer };
      for (const [wanted, listener] of listeners.slice()) if (wanted === name) quietly(listener, report);
    },
  };

  /** Runs `step` with the core, now or when it is there. */
  const soon = (step) => (core ? quietly(step) : waiting.push(step));

  return {
    call: (api, type, params) => {
      const { key, text } = record(api, type, params);
      if (!core && texts.consent === "granted") {
        store.keep(key, text);
        early.add(key);
      }
      soon(() => core.call(key, text));
    },
    consent: (word) => soon(() => core.consent(String(word))),
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
      Object.assign(host, core.edge(settings));
      const options = flat({ ...texts, visitor: host.recall("visitor"), session: host.recall("session") });
      quietly(core.start, host, options, first.key, first.text);
      waiting.splice(0).forEach((step) => quietly(step));
    },
  };
};
