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
  const listeners = [];
  let core;
  let busy = true;
  let granted = texts.consent === "granted";

  // The first call may be the submit that leaves the page: the store must be open by then, or what it begins to write is lost.
  if (granted) store.forget([]);

  /** What the core is lent: see src/browser/exports.rs. */
  const host = {
    keep: store.keep,
    forget: (keys) => store.forget(keys.split(",")),
    restore: () => {
      busy = true;
      store.all((kept) => {
        quietly(core.restore, kept);
        pump();
      });
    },
    wipe: store.wipe,
    report: ([name, count, reason, field, answer]) => {
      const report = { name, count, reason, field, answer };
      for (const [wanted, listener] of listeners.slice()) if (wanted === name) quietly(listener, report);
    },
  };

  /** Runs what waits, in its turn; a step may make calls, whose turn it is then. */
  const pump = async () => {
    busy = true;
    while (waiting.length) {
      const [step, loaded] = waiting.shift();
      if (loaded) await loaded;
      busy = false;
      quietly(step);
      busy = true;
    }
    busy = false;
  };

  /** Runs `step` with the core in its turn: now, or when the core is there, all before it is done and `loaded`, a promise, is kept. */
  const soon = (step, loaded) => {
    if (!busy && !loaded) return quietly(step);
    waiting.push([step, loaded]);
    if (!busy) pump();
  };

  return {
    call: (api, type, params, extra) => {
      const { key, text } = record(api, type, params, extra);
      // Who has to wait for its turn, be it for what earlier pages kept, may be left behind by the page meanwhile.
      if (busy && granted) store.keep(key, text);
      soon(() => core.call(key, text));
    },
    consent: (word) => {
      granted = granted && word === "granted";
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
    soon,
    attach: (arrived) => {
      core = arrived;
      Object.assign(host, core.edge(settings, core));
      store.lend(core.openSpare());
      const options = flat({ ...texts, visitor: host.recall("visitor"), session: host.recall("session") });
      busy = false;
      quietly(core.start, host, options, first.key, first.text);
      if (!busy) pump();
    },
  };
};
