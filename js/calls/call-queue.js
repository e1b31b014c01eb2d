// The queue of calls before the core has loaded. It records each call immediately, persists it if consent allows, and passes it to the core
// in order.

import { listen, now } from "../page.js";
import { tryCall, useLocal } from "../safe.js";
import { SESSION_COOKIE, VISITOR_COOKIE, readState } from "../storage/cookies.js";
import { BACKLOG_SUFFIX, DEDUP_SUFFIX } from "../storage/event-store.js";
import { createCall } from "./create-call.js";
import { TERMINATOR, encodeFlat } from "./flat-encode.js";

/* global __CALLS_FORM__ */

/** Most characters of calls in one beacon; a character has at most three bytes in UTF-8, and browsers limit a beacon to 64 KiB. */
const MAX_CHARS = 18e3;

/**
 * The local storage key that is set for a moment when the page denies consent: the browser notifies all other tabs of the origin, whatever
 * their projects, because they share the visitor's cookie. Nothing stays stored.
 */
export const DENIAL_KEY = "tillroll-denied";

/** The end of the key of a stored call without decisions, see src/queue.rs. */
export const UNDECIDED_SUFFIX = "c";

/**
 * Returns the call queue of this page. `startOptions` are options of the core's `start`, see core/calls.js; `settings` have the
 * token, and are passed to the host; `store` is the event store.
 */
export const createCallQueue = (startOptions, settings, store) => {
  const loadCall = createCall("tillroll", "land");
  const waiting = [];
  const listeners = [];
  /** The local storage key of the calls of pages that closed before the core loaded; the next such page sends them first. */
  const backlogKey = store.name + BACKLOG_SUFFIX;
  let core;
  let isPaused = true;
  /** The encoded calls that wait: those of this page, and after the first `sendBacklog` also those of earlier pages. */
  let backlog = "";
  let sentBacklog = "";
  let canPersist = startOptions.consent === "granted";

  const join = (earlier, text) => ((earlier + text).length > MAX_CHARS ? text : earlier + text);

  /** Persists a call that has to wait, for the core or for the restored calls of earlier pages: the page may close before its turn. */
  const persist = ({ key, text }) => {
    if (isPaused && canPersist) {
      store.put(key + UNDECIDED_SUFFIX, text);
      backlog = join(backlog, text);
    }
  };

  /** Returns the options of the core's `start`, with the saved state. */
  const readOptions = () => ({
    ...startOptions,
    visitor: readState(VISITOR_COOKIE),
    session: readState(SESSION_COOKIE),
    notes: useLocal("getItem", store.name + DEDUP_SUFFIX) || "",
  });

  /** Returns the body of a request, see protocol/src/calls_request.rs: the elements of its queue, and further properties. */
  const encodeBody = (entries, properties) =>
    encodeFlat({ token: settings.token, form: __CALLS_FORM__, sentAt: now(), ...properties }).slice(0, -1) + `:queue${TERMINATOR}[${entries}]}`;

  /**
   * Sends calls that the core has not processed to the collector when the page closes, because the visitor may never return. The collector
   * derives the same events as the next page does from the persisted calls. Calls above `MAX_CHARS` are left to the next page. The backlog
   * of earlier pages comes first: visitor and session follow from those calls.
   */
  const sendBacklog = () => {
    if (sentBacklog === backlog) return;
    // Read only now: the first use of local storage takes a page a millisecond.
    if (!sentBacklog) backlog = join(useLocal("getItem", backlogKey) || "", backlog);
    sentBacklog = backlog;
    useLocal("setItem", backlogKey, backlog);
    tryCall(() => window.navigator.sendBeacon(settings.collector + "v2/calls", encodeBody(backlog, readOptions())));
  };

  const clearBacklog = () => {
    useLocal("removeItem", backlogKey);
    backlog = sentBacklog = "";
  };

  // Immediately: the first call may be a submit that leaves the page, and a write completes only if the store is open by then.
  persist(loadCall);
  listen("pagehide", sendBacklog);
  listen("visibilitychange", sendBacklog);

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

  const setConsent = (state) => {
    if (state !== "granted") {
      // What waits for the database is not stored any more.
      store.pending = {};
      canPersist = false;
      clearBacklog();
    }
    enqueue(() => core.consent(state));
  };

  return {
    call: (api, type, params, extra) => {
      const call = createCall(api, type, params, extra);
      const key = isPaused ? call.key + UNDECIDED_SUFFIX : call.key;
      enqueue(() => core.call(key, call.text));
      // The call itself may have paused the queue.
      persist(call);
    },
    consent: (state) => {
      setConsent(String(state));
      if (state === "denied") {
        useLocal("setItem", DENIAL_KEY, 1);
        useLocal("removeItem", DENIAL_KEY);
      }
    },
    deny: () => setConsent("denied"),
    flush: (resolve) => enqueue(() => core.flush(resolve)),
    on: (name, listener) => {
      listeners.push([name, listener]);
    },
    setCore: (loadedCore) => {
      core = loadedCore;
      core.open({ ...settings, readState, store, listeners, pause, enqueue, encodeBody, setConsent });
      waiting.unshift(() => core.start(readOptions(), loadCall.key + UNDECIDED_SUFFIX, loadCall.text));
      drain();
    },
  };
};
