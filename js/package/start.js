// What the entries of the npm package share: `start` for a page, and for Node, where all functions exist and do nothing.

import { createClient } from "../client.js";
import { load } from "../core/load-wasm.js";
import { installMetrilo } from "../facades/metrilo.js";
import { installOmetria } from "../facades/ometria.js";
import { asObject, tryCall } from "../safe.js";
import { VISITOR_COOKIE, readState } from "../storage/cookies.js";

/* global __FALLBACK__, __VERSION__ */

/** How the address of a collector begins: with a scheme, or with the slash of a path of the shop or of another host. */
const COLLECTOR_START = /^\s*(https?:\/)?\//i;

/** Returns a client with the whole public API, without effect but for `on`. */
const createInertClient = (ready, on) => {
  const noop = () => {};
  const metrilo = {};
  installMetrilo(metrilo, noop);
  metrilo.integrateForm = noop;
  const ometria = {};
  installOmetria(ometria, noop, () => "");
  // Otherwise calls would be collected until an `init`.
  ometria.init();
  return { version: __VERSION__, ready, flush: () => Promise.resolve(), consent: noop, reset: noop, on, metrilo, ometria };
};

/** Returns the client for server-side rendering. */
const createServerClient = () => {
  const client = createInertClient(Promise.resolve(), () => {});
  // The requests of all visitors share the object, so it keeps no basket.
  const { ometria } = client;
  Object.defineProperty(ometria, "basket", { enumerable: true, get: () => new ometria.Basket(), set: () => {} });
  return client;
};

/** Returns the client of a call that cannot start the tracker. Each listener of errors gets the report at once; the console has one line. */
const createFailedClient = ([reason, text]) => {
  const error = new Error("tillroll: start() " + text);
  // Not an exception: a missing variable of the environment must not cost the shop its page.
  window.console.error(error.message);
  const ready = Promise.reject(error);
  // A page that does not use `ready` has no unhandled rejection.
  ready.catch(() => {});
  const report = { name: "error", count: 0, reason, field: "", answer: "" };
  return createInertClient(ready, (name, listener) => void (name === "error" && tryCall(listener, { ...report })));
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

/** Returns why the options cannot start the tracker, as the reason of the report and the end of the console's line; undefined if they can. */
const findProblem = ({ token, collector }, wasm) => {
  if (!token || !collector || typeof collector !== "string") return [token ? "no_collector" : "no_token", "requires `token` and `collector`"];
  // Not a relative address: each page of the shop would send to another one.
  if (!COLLECTOR_START.test(collector)) return ["no_collector", `requires a \`collector\` that begins with https:// or /, not "${collector}"`];
  if (!wasm) return ["no_wasm", "requires `wasm`, the address of core.wasm"];
};

let serverClient;
let client;

/** Starts the tracker, once; see index.d.ts. `resolveWasm(options)` returns the address of the WebAssembly file, if it is known. */
export const startOnce = (options, resolveWasm) => {
  if (typeof window === "undefined" || typeof document === "undefined") return (serverClient = serverClient || createServerClient());
  if (client) return client;
  const wasm = tryCall(resolveWasm, asObject(options));
  const problem = findProblem(asObject(options), wasm);
  // A later call with all options starts the tracker.
  return problem ? createFailedClient(problem) : (client = createBrowserClient(options, wasm));
};
