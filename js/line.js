// Where calls wait until the core is there: each is recorded and kept at once, and handed over in order.

import { quietly } from "./quiet.js";
import { record } from "./record.js";

/**
 * Returns the page's tracker: `call(api, type, params)` takes a call at any time; `attach(core)` hands the core all that waited and all
 * that comes. `options` are texts; see the core's `start`. `store` is null where nothing may be stored yet.
 */
export const openLine = (options, store) => {
  const first = record("tillroll", "land", {});
  const waiting = [];
  const listeners = [];
  let core;

  const host = {
    keep: (key, text) => store.keep(key, text),
    forget: (keys) => store.forget(keys.split(",")),
    report: ([name, count, reason, field, answer]) => {
      const report = { name, count, reason, field, answer };
      for (const [name, listener] of listeners.slice()) if (name === report.name) quietly(listener, report);
    },
  };

  /** Runs `step(core)` now, or when the core is there. */
  const soon = (step) => (core ? quietly(step, core) : waiting.push(step));

  return {
    call: (api, type, params) => {
      const { key, text } = record(api, type, params);
      if (!core && options.consent === "granted") store.keep(key, text);
      soon((core) => core.call(key, text));
    },
    consent: (word) => soon((core) => core.consent(String(word))),
    reset: () => {
      const { key, text } = record("tillroll", "reset", {});
      soon((core) => core.reset(key, text));
    },
    flush: () =>
      new Promise((settled) => {
        listeners.push(["settled", function once() {
          listeners.splice(listeners.findIndex((entry) => entry[1] === once), 1);
          settled();
        }]);
        soon((core) => core.flush());
      }),
    on: (name, listener) => listeners.push([name, listener]),
    attach: (arrived, flatten) => {
      quietly(() => arrived.start(host, flatten(options), first.key, first.text));
      core = arrived;
      for (const step of waiting.splice(0)) quietly(step, core);
      store.all((kept) => quietly(() => core.restore(kept)));
    },
  };
};
