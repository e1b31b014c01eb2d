// The entry point of the script tag: a classic script that installs `window.metrilo` and `window.ometria` synchronously, and loads the core
// behind them. Token and collector URL come from the script's own URL. It never throws, and a second execution has no effect.

import { createClient } from "./client.js";
import { installV1Stub } from "./facades/metrilo-v1-stub.js";
import { installMetrilo } from "./facades/metrilo.js";
import { installOmetria } from "./facades/ometria.js";
import { consumeQueue, tryCall } from "./safe.js";
import { VISITOR_COOKIE, readState } from "./storage/cookies.js";
import { RAW_CALL_MARKER } from "./storage/event-store.js";

/* global __CORE__, __FALLBACK__, __WASM__ */

/** Captures from a script URL: the base URL of all files, the token in the path of a v1 tag, and the query. */
const SCRIPT_URL = /^(.*?\/)(?:(?:j|tags)\/([^/?#]+)\.js|[^/?#]*)(?:\?([^#]*))?(?:#.*)?$/;

/** Returns the script's own element; a loader that evaluates script text leaves only the element that matches. */
const findScript = () =>
  document.currentScript || document.querySelector("script[src*='/tracking.js'],script[src*='/j/'],script[src*='/tags/']");

/**
 * Returns `existing`, what the page has under the vendor's name, if methods can be installed on it: a stub, also a function, but not a frozen
 * object or an element whose id is the name. Else returns a new object.
 */
const extensibleTarget = (existing) => (tryCall(() => Object.isExtensible(existing) && !existing.nodeType) ? existing : {});

/** Returns a function that installs all methods on the objects of both vendors, unless they are installed already. */
const createInstaller = (track) => {
  let installedEvent;
  return () => {
    const other = extensibleTarget(window.ometria);
    window.ometria = other;
    tryCall(installOmetria, other, track("ometria"), () => readState(VISITOR_COOKIE));
    const target = extensibleTarget(window.metrilo);
    if (installedEvent && target.event === installedEvent) return;
    installMetrilo(target, track("metrilo"));
    // v1 calls are recorded raw; snippet/replay.js decodes them once the core has loaded.
    installV1Stub(target, (call) => track("metrilo-v1")(RAW_CALL_MARKER, call));
    installedEvent = target.event;
    window.metrilo = target;
  };
};

const run = () => {
  const installAgain = (window.tillroll || {}).adopt;
  // Second execution: if a v1 stub has replaced our object since, adopt its calls; else there is nothing to do.
  if (installAgain) return installAgain();
  const script = findScript();
  const [, base = "/", pathToken, query] = SCRIPT_URL.exec(script ? script.src : "") || [];
  const dataset = script ? script.dataset : {};
  const options = {
    ...dataset,
    token: new URLSearchParams(query).get("token") || tryCall(decodeURIComponent, pathToken || "") || pathToken,
    collector: dataset.collector || base,
    visitor: tryCall(() => window.metrilo.ensure_cbuid),
    // The array in which the inline snippet recorded calls.
    snippet: window.tillroll,
  };
  // The fragment differs for each attempt, because browsers cache the failure of a module import by URL.
  const load = (attempt, file, wasmUrl) => import(`${base + file}#${attempt}`).then((core) => core.load(wasmUrl));
  const loadCore = (attempt) => load(attempt, __CORE__, base + __WASM__).catch(() => load(attempt, __FALLBACK__));
  const { track, client } = createClient(options, loadCore);
  const adopt = createInstaller(track);
  window.tillroll = { ...client, adopt };
  adopt();
  // Functions that the page queued to run once the library is there.
  const pageQueue = window.metriloQueue;
  consumeQueue((window.metriloQueue = Array.isArray(pageQueue) ? pageQueue : []), (entry) => tryCall(entry));
};

tryCall(run);
