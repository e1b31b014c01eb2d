// The host functions of the core: they execute its effects, see src/effect.rs. They decide nothing about events, and load with the core.

import { tryCall } from "../safe.js";
import { SESSION_COOKIE, VISITOR_COOKIE, writeState } from "../storage/cookies.js";
import { completeStore } from "../storage/complete-store.js";
import { createDedupState } from "../storage/dedup-state.js";
import { RAW_CALL } from "../storage/event-store.js";
import { addCalls } from "./calls.js";
import { createElection } from "./leader.js";
import { listenToLifecycle } from "./lifecycle.js";
import { createRenewal } from "./renewal.js";
import { createTransport } from "./transport.js";

/* global __PAGE_VIEWS__, __REPLAY__, ACTIONS, INPUTS */

/** The longest delay of a timer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Adds the functions of calls.js to `core`, and returns the host functions by the numbers of their actions. `collector` is the collector's URL;
 * `readState` is that of storage/cookies.js, which is in the page's script already; `store` is the event store of the page's script;
 * `setConsent(state)` changes consent; `listeners` is an array of pairs of report name and function; `pause()` pauses the call queue and
 * returns the function that resumes it, `enqueue(step)` runs a step when the queue is not paused; `encodeBody(entries, properties)` returns the
 * body of a request; `snippet` has the calls that the inline snippet recorded; `pageViews` asks for automatic page views, see
 * facades/page-views.js.
 */
export const createHost = (page, core) => {
  const { cookieDomain, readState, store: pageStore, setConsent, listeners, pause, enqueue, encodeBody, snippet = [] } = page;
  // A path is one of the shop, whatever `<base>` the page has. A document without an address of its own, such as `about:srcdoc`, keeps it.
  const collector = tryCall(() => new window.URL(page.collector, location).href) || page.collector;
  const store = completeStore(pageStore);
  const dedup = createDedupState(pageStore.name);
  /** The functions that resolve the promises of `flush`. */
  const flushed = [];
  let timer;
  /** How the saved session starts: projects on one origin share the cookie, but not the session. */
  const sessionStart = `project=${page.token}&`;
  const ownSession = (text) => (text.startsWith(sessionStart) ? text : "");
  /** Passes visitor, session and dedup state to the core; without `all` only the last. */
  const refresh = (all) =>
    core.input(INPUTS.StateChanged, all ? readState(VISITOR_COOKIE) : "", all ? ownSession(readState(SESSION_COOKIE)) : "", dedup.read());
  /** Loads the replay of raw vendor calls into the core; resolves to true if that fails. */
  const loadReplay = () => import(__REPLAY__).then((replay) => replay.install(core, store, snippet), () => true);
  // If loading fails, the call stays persisted for a later page, and the calls behind it continue.
  const deferUntilReplay = (key, text) => {
    const resume = pause();
    // A call that pauses the queue is stored like those that wait.
    loadReplay().then((hasFailed) => resume(hasFailed || core.call(key.replace(/c?$/, "c"), text)));
  };
  addCalls(core, refresh, ownSession, deferUntilReplay, flushed);
  listenToLifecycle(core, refresh, () => readState(VISITOR_COOKIE), () => setConsent("denied"));
  const saveCookie = (name, value) => writeState(name, value, cookieDomain, readState);
  const renewVisitor = createRenewal(collector, cookieDomain, readState, (value) => saveCookie(VISITOR_COOKIE, value));
  if (page.pageViews) import(__PAGE_VIEWS__).then((views) => views.start(page), () => {});
  const election = createElection(core, enqueue, pageStore.name);
  return {
    ...createTransport(collector + "v2/calls", encodeBody, core),
    [ACTIONS.Persist]: (key, text) => {
      store.put(key, text);
      election.renew();
    },
    [ACTIONS.Share]: (key, text) => election.send(INPUTS.Call, key, text),
    [ACTIONS.Delete]: (keys) => {
      store.delete(keys.split(","));
      election.send(INPUTS.DeletedElsewhere, keys);
    },
    [ACTIONS.Restore]: () => {
      const resume = pause();
      election.join();
      // Just before the store is read: what another tab decides later, this tab decides in the same way, and stores it too.
      refresh();
      store.getAll(async (entries) => {
        const hasFailed = (snippet.length || RAW_CALL.test(entries.join())) && (await loadReplay());
        // Without the replay all entries wait for a later page.
        tryCall(core.restore, hasFailed ? [] : entries);
        // Behind what the replay has called.
        core.input(INPUTS.Restored);
        resume();
      });
    },
    [ACTIONS.ClearAll]: () => {
      store.clear();
      election.leave();
      // Deletes the calls that the snippet recorded before consent was denied. Last, because an element of the page may stand in its place.
      snippet.length = 0;
    },
    [ACTIONS.Save]: (name, value) => {
      // What the core calls the dedup state; all other names are cookies.
      if (name === "notes") return dedup.write(value);
      const isVisitor = name === VISITOR_COOKIE;
      saveCookie(name, isVisitor || !value ? value : sessionStart + value);
      if (isVisitor) renewVisitor(value);
      // Not read back: reading cookies is slow. An empty text changes nothing.
      election.send(INPUTS.StateChanged, isVisitor ? value : "", isVisitor ? "" : value, dedup.read());
    },
    [ACTIONS.SetTimer]: (_, __, delay) => {
      clearTimeout(timer);
      if (delay >= 0) timer = setTimeout(core.input, Math.min(delay, MAX_TIMER_MS), INPUTS.Timer);
    },
    [ACTIONS.Report]: (report) => {
      if (report.name === "settled") flushed.splice(0).forEach((resolve) => resolve());
      listeners.slice().forEach(([name, listener]) => name === report.name && tryCall(listener, report));
    },
  };
};
