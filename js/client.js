// The client factory of both entry points: it creates the call queue and loads the core, with retries, behind it.

import { DENIAL_KEY, createCallQueue } from "./calls/call-queue.js";
import { listen, member, now } from "./page.js";
import { tryCall } from "./safe.js";
import { createEventStore } from "./storage/event-store.js";

/* global __VERSION__ */

const INITIAL_RETRY_DELAY_MS = 1e3;

/** An attribute without a value is an empty text: as any word but `granted`, it holds calls back. */
const initialConsent = ({ consent = "granted", gpc }) => (window.navigator.globalPrivacyControl && gpc !== "ignore" ? "never" : consent);

/**
 * Returns whether the browser has loaded the page without a visitor who sees it: it prerenders the page, or has restored its tab in the
 * background. A link that is opened in the background is a visit.
 */
const isUnseen = () =>
  // The deprecated property is the shortest: 0 is a navigation, and so is 255, for example by a script of a page that still loads in Firefox.
  member(document, "hidden") && (document.prerendering || tryCall(() => window.performance.navigation.type % 255));

/** Without a token this is the only function with an effect. */
const reportNoToken = (name, listener) => name === "error" && listener({ name, reason: "no_token" });

/**
 * Creates the client. `options`: `token`, `collector` (its URL, also as an object), and optionally `cookieDomain`, `consent`, `gpc`, `visitor` (an id that the
 * shop's server generated), `snippet` (the calls that the inline snippet recorded). `load(attempt, collector)` fetches the core and returns a
 * promise of it; `attempt` differs for each retry. A failed load is retried with exponential backoff, and when the browser is online again.
 * Returns `{ track, client }`: `track(api)` returns `(type, params, extra)`, which records a call of that vendor API; `client` is the part
 * of the public API that does not depend on a vendor. On a page that no visitor sees yet, everything waits until one does.
 */
export const createClient = (options, load) => {
  const startOptions = { consent: initialConsent(options), made: options.visitor };
  const settings = { ...options, collector: (options.collector + "").replace(/\/*$/, "/") };
  /** What the page calls before a visitor sees it; undefined afterwards. */
  let deferred = [];
  let queue;
  let delay = INITIAL_RETRY_DELAY_MS;
  let timer;
  let onLoaded;
  const ready = new Promise((resolve) => (onLoaded = resolve));
  /** The last attempt. */
  let loading = ready;
  const loadCore = () => {
    timer = clearTimeout(timer);
    loading = load(delay, settings.collector).then(queue.setCore);
    // The first promise is `ready`: its rejection reaches the caller.
    onLoaded(loading);
    loading.catch(() => (timer = setTimeout(loadCore, (delay *= 2))));
  };
  const start = () => {
    if (!deferred || isUnseen()) return;
    const calls = deferred;
    deferred = undefined;
    queue = { on: reportNoToken };
    if (options.token) {
      queue = createCallQueue(startOptions, settings, createEventStore("tillroll-" + options.token));
      loadCore();
    } else onLoaded(Promise.reject());
    // Calls carry the time at which the page is seen.
    calls.forEach(([name, [api, type, params, extra]]) => method(name)(api, type, params, { ...extra, time: now() }));
  };
  const method =
    (name) =>
    (...args) => {
      if (deferred) deferred.push([name, args]);
      else tryCall(queue[name], ...args);
    };
  ready.catch(() => {});
  start();
  listen("visibilitychange", start);
  listen("online", () => timer && loadCore());
  // Also before the core has loaded, and on a page that no visitor sees yet.
  listen("storage", ({ key }) => key === DENIAL_KEY && method("deny")());
  return {
    track: (api) => (...args) => method("call")(api, ...args),
    client: {
      version: __VERSION__,
      ready,
      consent: method("consent"),
      // A call, so that it keeps its place among the others, also while they wait for consent or for the next page.
      reset: () => method("call")("tillroll", "reset"),
      on: method("on"),
      // If the core fails to load, all calls are persisted for a later page, and `flush` resolves at once.
      flush: () => new Promise((resolve) => loading.then(() => queue.flush(resolve), resolve)),
    },
  };
};
