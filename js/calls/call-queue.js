// The queue of calls before the core has loaded. It records each call immediately, persists it if consent allows, and passes it to the core
// in order.

import { tryCall } from "../safe.js";
import { SESSION_COOKIE, VISITOR_COOKIE, readState } from "../storage/cookies.js";
import { DEDUP_KEY } from "../storage/dedup-state.js";
import { createCall } from "./create-call.js";
import { TERMINATOR, encodeFlat } from "./flat-encode.js";

/** Most characters of calls in one beacon; a character has at most three bytes in UTF-8, and browsers limit a beacon to 64 KiB. */
const MAX_CHARS = 18e3;

/** The local storage key of the calls of pages that closed before the core loaded; the next such page sends them first. */
const BACKLOG_KEY = "tillroll-early";

/**
 * Returns the call queue of this page. `startOptions` are the options of the core's `start`, see src/browser/exports.rs; `settings` are
 * passed to the host; `store` is the event store.
 */
export const createCallQueue = (startOptions, settings, store) => {
  const loadCall = createCall("tillroll", "land", {});
  const waiting = [];
  const listeners = [];
  let core;
  let isPaused = true;
  let backlog = readState(BACKLOG_KEY);
  let sentBacklog = backlog;
  let canPersist = startOptions.consent === "granted";

  /** Persists a call that has to wait, for the core or for the restored events of earlier pages: the page may close before its turn. */
  const persist = ({ key, text }) => {
    if (!isPaused || !canPersist) return;
    store.put(key, text);
    backlog = (backlog + text).length > MAX_CHARS ? text : backlog + text;
  };

  /** Returns the options of the core's `start`; the body of `/v2/calls` begins with the same ones, and the dedup state. */
  const encodeOptions = (notes) => encodeFlat({ ...startOptions, visitor: readState(VISITOR_COOKIE), session: readState(SESSION_COOKIE), notes });

  /**
   * Sends calls that the core has not processed to the collector when the page closes, because the visitor may never return. The collector
   * derives the same events as the next page does from the persisted calls. Calls above `MAX_CHARS` are left to the next page. The backlog
   * of earlier pages comes first: visitor and session follow from those calls.
   */
  const sendBacklog = () => {
    if (sentBacklog === backlog) return;
    sentBacklog = backlog;
    tryCall(() => localStorage.setItem(BACKLOG_KEY, backlog));
    tryCall(() =>
      navigator.sendBeacon(
        settings.collector + "v2/calls",
        encodeOptions(readState(DEDUP_KEY)).slice(0, -1) + `:calls${TERMINATOR}[${backlog}]}`,
      ),
    );
  };

  const clearBacklog = () => {
    if (backlog) tryCall(() => localStorage.removeItem(BACKLOG_KEY));
    backlog = sentBacklog = "";
  };

  // Immediately: the first call may be a submit that leaves the page, and a write completes only if the store is open by then.
  persist(loadCall);
  addEventListener("pagehide", sendBacklog, true);
  addEventListener("visibilitychange", sendBacklog, true);

  /** Runs the waiting steps in order until a step pauses the queue. A step may make calls; those run in its place. */
  const drain = () => {
    isPaused = false;
    while (!isPaused && waiting.length) tryCall(waiting.shift());
    if (!isPaused) clearBacklog();
  };

  /** Pauses the queue and returns the function that resumes it; if the queue is paused already, that function does nothing. */
  const pause = () => (isPaused ? () => {} : ((isPaused = true), drain));

  /** Runs `step` now, or after all earlier steps once the queue is no longer paused. */
  const enqueue = (step) => {
    if (isPaused) waiting.push(step);
    else tryCall(step);
  };

  return {
    call: (api, type, params, extra) => {
      const call = createCall(api, type, params, extra);
      enqueue(() => core.call(call.key, call.text));
      // The call itself may have paused the queue.
      persist(call);
    },
    consent: (state) => {
      if (state !== "granted") {
        canPersist = false;
        clearBacklog();
      }
      if (state === "denied") store.clear();
      enqueue(() => core.consent(String(state)));
    },
    reset: () => {
      const { key, text } = createCall("tillroll", "reset", {});
      enqueue(() => core.reset(key, text));
    },
    flush: () =>
      new Promise((resolve) => {
        const entry = ["settled", () => {
          listeners.splice(listeners.indexOf(entry), 1);
          resolve();
        }];
        listeners.push(entry);
        enqueue(() => core.flush());
      }),
    on: (name, listener) => {
      listeners.push([name, listener]);
    },
    attach: (loadedCore) => {
      core = loadedCore;
      const host = core.host({ ...settings, readState, store, listeners, pause }, core);
      isPaused = false;
      tryCall(core.start, host, encodeOptions(), loadCall.key, loadCall.text);
      if (!isPaused) drain();
    },
  };
};
