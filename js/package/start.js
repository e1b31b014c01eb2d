// What the entries of the npm package share: `start` for a page, and for Node, where all functions exist and do nothing.

import { createClient } from "../client.js";
import { load } from "../core/load-wasm.js";
import { installMetrilo } from "../facades/metrilo.js";
import { installOmetria } from "../facades/ometria.js";
import { asObject } from "../safe.js";
import { VISITOR_COOKIE, readState } from "../storage/cookies.js";

/* global __FALLBACK__, __VERSION__ */

/** Returns a client for server-side rendering: the whole public API, without effect. */
const createStub = () => {
  const noop = () => {};
  const metrilo = {};
  installMetrilo(metrilo, noop);
  metrilo.integrateForm = noop;
  const ometria = {};
  installOmetria(ometria, noop, () => "");
  // Otherwise calls would be collected until an `init`.
  ometria.init();
  const resolved = Promise.resolve();
  return { version: __VERSION__, ready: resolved, flush: () => resolved, consent: noop, reset: noop, on: noop, metrilo, ometria };
};

const createBrowserClient = (options, wasm) => {
  const loadCore = () => load(wasm).catch(() => import(__FALLBACK__).then((fallback) => fallback.load()));
  const metrilo = {};
  const { track, client } = createClient({ ...options, facade: metrilo }, loadCore);
  installMetrilo(metrilo, track("metrilo"));
  const ometria = {};
  installOmetria(ometria, track("ometria"), () => readState(VISITOR_COOKIE));
  return { ...client, metrilo, ometria };
};

let client;

/** Starts the tracker, once; see index.d.ts. `resolveWasm(options)` returns the address of the WebAssembly file. */
export const startOnce = (options, resolveWasm) => {
  if (typeof window === "undefined" || typeof document === "undefined") return createStub();
  const { token, collector } = asObject(options);
  if (!client && !(token && typeof collector === "string" && collector)) {
    // Not an exception: a missing variable of the environment must not cost the shop its page.
    window.console.error("tillroll: start() requires `token` and `collector`");
    return createBrowserClient({ collector: "" });
  }
  client = client || createBrowserClient(options, resolveWasm(options));
  return client;
};
