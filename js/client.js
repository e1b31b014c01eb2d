// The client factory of both entry points: it creates the call queue and loads the core, with retries, behind it.

import { createCallQueue } from "./calls/call-queue.js";
import { tryCall } from "./safe.js";
import { createEventStore } from "./storage/event-store.js";

/* global __VERSION__ */

const INITIAL_RETRY_DELAY_MS = 1e3;

const initialConsent = ({ consent, gpc }) => (navigator.globalPrivacyControl && gpc !== "ignore" ? "never" : consent || "granted");

/**
 * Creates the client. `options`: `token`, `collector` (its URL), and optionally `cookieDomain`, `consent`, `gpc`, `visitor` (an id that the
 * shop's server generated), `snippet` (the calls that the inline snippet recorded). `load(attempt)` fetches the core and returns a promise
 * of it; `attempt` differs for each retry. A failed load is retried with exponential backoff, and when the browser is online again.
 * Returns `{ track, client }`: `track(api)` returns `(type, params, extra)`, which records a call of that vendor API; `client` is the part
 * of the public API that does not depend on a vendor.
 */
export const createClient = (options, load) => {
  const startOptions = { token: options.token, version: __VERSION__, consent: initialConsent(options), made: options.visitor };
  const settings = { ...options, collector: options.collector.replace(/\/*$/, "/") };
  const queue = createCallQueue(startOptions, settings, createEventStore());
  let delay = INITIAL_RETRY_DELAY_MS;
  let timer;
  let loaded;
  const loadCore = () => {
    timer = clearTimeout(timer);
    loaded = load(delay).then(queue.attach);
    // `ready` is the first promise: its rejection reaches the caller. Handled here, a rejection is not printed to the console.
    loaded.catch(() => (timer = setTimeout(loadCore, (delay *= 2))));
  };
  addEventListener("online", () => timer && loadCore());
  loadCore();
  const { call, attach, flush, ...client } = queue;
  return {
    track: (api) => (...args) => tryCall(call, api, ...args),
    // If the core fails to load, all calls are persisted for a later page, and `flush` resolves at once.
    client: { version: startOptions.version, ready: loaded, ...client, flush: () => loaded.then(flush, () => {}) },
  };
};
