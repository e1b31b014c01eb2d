// The npm entry: the same library for an application that bundles its scripts. Importing it does nothing; under Node its functions exist
// and do nothing, so that pages can be rendered on a server.

import { begin } from "./begin.js";
import { load } from "./core.js";
import { SESSION_COOKIE, VISITOR_COOKIE } from "./facades/cookies.js";
import { metrilo } from "./facades/metrilo.js";
import { ometria } from "./facades/ometria.js";
import { recall } from "./recall.js";

/* global __VERSION__ */

let started;

/** What a server that renders pages gets: everything that can be called, and nothing behind it. */
const asleep = () => {
  const nothing = () => {};
  const nobody = {};
  metrilo(nobody, nothing);
  nobody.integrateForm = nothing;
  const other = {};
  ometria(other, nothing, () => "");
  // So that nothing waits for it.
  other.init();
  const done = Promise.resolve();
  return { version: __VERSION__, ready: done, flush: () => done, consent: nothing, reset: nothing, on: nothing, metrilo: nobody, ometria: other };
};

const awake = (options) => {
  const wasm = () => load(options.wasm || new URL("./core.wasm", import.meta.url));
  const core = () => wasm().catch(() => import("./fallback.js").then((fallback) => fallback.load()));
  const { say, own } = begin({ ...options, visitorCookie: VISITOR_COOKIE, sessionCookie: SESSION_COOKIE }, core);
  const functions = {};
  metrilo(functions, say("metrilo"));
  const other = {};
  ometria(other, say("ometria"), () => recall(VISITOR_COOKIE));
  return { ...own, metrilo: functions, ometria: other };
};

/** Starts the tracker, once; see index.d.ts. */
export const start = (options) => {
  if (typeof window === "undefined" || typeof document === "undefined") return asleep();
  if (!options || !options.token || !options.collector) throw new TypeError("tillroll: start() needs `token` and `collector`");
  started = started || awake(options);
  return started;
};
