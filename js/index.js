// The entry point of the npm package: the same library for applications that bundle their scripts. Importing it has no side effect. Under
// Node all functions exist and do nothing, so that pages can be rendered on a server.

import { createClient } from "./client.js";
import { load } from "./core/load-wasm.js";
import { installMetrilo } from "./facades/metrilo.js";
import { installOmetria } from "./facades/ometria.js";
import { VISITOR_COOKIE, readState } from "./storage/cookies.js";

/* global __VERSION__ */

let client;

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

const createBrowserClient = (options) => {
  const loadWasm = () => load(options.wasm || new URL("./core.wasm", import.meta.url));
  const loadCore = () => loadWasm().catch(() => import("./fallback.js").then((fallback) => fallback.load()));
  const { track, client } = createClient(options, loadCore);
  const metrilo = {};
  installMetrilo(metrilo, track("metrilo"));
  const ometria = {};
  installOmetria(ometria, track("ometria"), () => readState(VISITOR_COOKIE));
  return { ...client, metrilo, ometria };
};

/** Starts the tracker, once; see index.d.ts. */
export const start = (options) => {
  if (typeof window === "undefined" || typeof document === "undefined") return createStub();
  if (!options || !options.token || !options.collector) throw new TypeError("tillroll: start() requires `token` and `collector`");
  client = client || createBrowserClient(options);
  return client;
};
