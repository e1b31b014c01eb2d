// Where calls wait until the core is there: each is recorded at once, kept at once where that is allowed, and handed over in order.

import { flat } from "./loose.js";
import { quietly } from "./quiet.js";
import { record } from "./record.js";

/**
 * Returns the page's line. `texts` is what the core starts with, see src/browser/exports.rs; `settings` is what its edge is made of;
 * `store` keeps calls.
 */
export const openLine = (texts, settings, store) => {
  const first = record("tillroll", "land", {});
  const waiting = [];
  const awaited = [];
  const listeners = [];
  let core;

  // The first call may be the submit that leaves the page: the store must be open by then, or what it begins to write is lost.
  if (texts.consent === "granted") store.forget([]);

  /** What the core is lent: see src/browser/exports.rs. */
  const host = {
    keep: store.keep,
    forget: (keys) => store.forget(keys.split(",")),
    restore: () => store.all((kept) => quietly(core.restore, kept)),
    wipe: store.wipe,
    report: ([name, count, reason, field, answer]) => {
      const report = { name, count, reason, field, answer };
      for (const [wanted, listener] of listeners.slice()) if (wanted === name) quietly(listener, report);
    },
  };

  /** Runs `step` with the core, now or when it is there. */
  const soon = (step) => (core ? quietly(step) : waiting.push(step));

  return {
    call: (api, type, params, extra) => {
      const { key, text } = record(api, type, params, extra);
      if (!core && texts.consent === "granted") store.keep(key, text);
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
    /** Runs `step` in its turn among the calls, but not before `loaded`, a promise. */
    after: (loaded, step) => {
      if (core) return void loaded.then(() => quietly(step));
      awaited.push(loaded);
      waiting.push(step);
    },
    attach: async (arrived) => {
      while (awaited.length) await awaited.shift();
      core = arrived;
      Object.assign(host, core.edge(settings));
      const options = flat({ ...texts, visitor: host.recall("visitor"), session: host.recall("session") });
      quietly(core.start, host, options, first.key, first.text);
      waiting.splice(0).forEach((step) => quietly(step));
    },
  };
};
