// The host functions of the core: what src/browser/exports.rs calls, where JavaScript is smaller than a binding. They decide nothing about
// events, and load with the core.

import { tryCall } from "../safe.js";
import { SESSION_COOKIE, VISITOR_COOKIE, writeState } from "../storage/cookies.js";
import { readDedup, writeDedup } from "../storage/dedup-state.js";
import { RAW_CALL_MARKER } from "../storage/event-store.js";
import { fallbackStore } from "../storage/fallback-store.js";
import { createElection } from "./leader.js";
import { listenToLifecycle, wrapCore } from "./lifecycle.js";
import { createTransport } from "./transport.js";

/* global __REPLAY__ */

/** The longest delay of a timer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Returns the host functions for `core`. `collector` is the collector's URL; `readState` is that of storage/cookies.js, which is in the
 * page's script already; `store` is the event store; `listeners` is an array of pairs of report name and function;
 * `pause()` pauses the call queue and returns the function that resumes it; `snippet` has the calls that the inline snippet recorded.
 */
export const createHost = ({ cookieDomain, collector, readState, store, listeners, pause, snippet = [] }, core) => {
  let timer;
  /** Returns visitor, session and dedup state; without `all` only the last. */
  const readShared = (all) => [all ? readState(VISITOR_COOKIE) : "", all ? readState(SESSION_COOKIE) : "", readDedup(readState)];
  const refresh = (all) => core.onState(...readShared(all));
  /** Loads the replay of raw vendor calls into the core; resolves to true if that fails. */
  const loadReplay = () => import(__REPLAY__).then((replay) => replay.install(core, store, snippet), () => true);
  // If loading fails, the call stays persisted for a later page, and the calls behind it continue.
  const deferUntilReplay = (key, text) => {
    const resume = pause();
    loadReplay().then((hasFailed) => resume(hasFailed || core.call(key, text)));
  };
  wrapCore(core, refresh, deferUntilReplay);
  listenToLifecycle(core, refresh);
  store.useFallback(fallbackStore);
  const election = createElection(core);
  return {
    ...createTransport(collector + "v2/batch", core),
    put: (key, text) => {
      store.put(key, text);
      election.share(key, text);
    },
    delete: (keys) => {
      store.delete(keys.split(","));
      election.send("deletedElsewhere", keys);
    },
    restore: () => {
      election.join();
      const resume = pause();
      store.getAll(async (entries) => {
        const hasFailed = (snippet.length || entries.join().includes(RAW_CALL_MARKER)) && (await loadReplay());
        if (entries.length) refresh();
        // Without the replay all entries wait for a later page.
        tryCall(core.restore, hasFailed ? [] : entries);
        resume();
      });
    },
    clear: () => {
      store.clear();
      election.leave();
      // Deletes the calls that the snippet recorded before consent was denied. Last, because an element of the page may stand in its place.
      snippet.length = 0;
    },
    writeState: (name, value) => {
      // What the core calls the dedup state; all other names are cookies.
      if (name === "notes") return writeDedup(value);
      writeState(name, value, cookieDomain, readState);
      election.send("onState", ...readShared(true));
    },
    schedule: (delay) => {
      clearTimeout(timer);
      if (delay >= 0) timer = setTimeout(core.onTimer, Math.min(delay, MAX_TIMER_MS));
    },
    report: ([name, count, reason, field, answer]) => {
      const report = { name, count, reason, field, answer };
      listeners.slice().forEach(([wanted, listener]) => wanted === name && tryCall(listener, report));
    },
  };
};
