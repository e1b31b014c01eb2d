// The entry point of the script tag: a classic script that installs `window.metrilo` and `window.ometria` synchronously, and loads the core
// behind them. Token and collector URL come from the script's own URL, or from the page's options. It never throws, and a second execution
// has no effect.

import { installV1Stub } from "./facades/metrilo-v1-stub.js";
import { installMetrilo } from "./facades/metrilo.js";
import { createClient } from "./client.js";
import { installOmetria } from "./facades/ometria.js";
import { member } from "./page.js";
import { asArray, asObject, consumeQueue, tryCall } from "./safe.js";
import { VISITOR_COOKIE, readState } from "./storage/cookies.js";
import { RAW_CALL_MARKER } from "./storage/event-store.js";

/* global __CORE__ */

/**
 * Captures from a script URL: the base URL of all files, the token in the path of a v1 tag, and the token in the query. Slashes behind the
 * file's name do not count, as for the collector.
 */
const SCRIPT_URL = /^(.*?\/)((j|tags)\/([^/?#]+)\.js|[^/?#]*)\/*(\?([^#]*&)?token=([^&#]*)|[?#]|$)/;

/** The base URL of the library's files, if the address of the script's own element names the project. No attribute of an element can set it. */
let scriptBase;

/**
 * Returns the options, and sets `scriptBase`. They are those of the script's own element, and what it lacks is that of `window.tillrollOptions`.
 * If neither the address nor an attribute of the script names the project, the file may be a copy or a bundle: then any script element with
 * `data-token` and `data-collector` counts too. Nothing else of the page counts, whatever its name and address.
 */
const readOptions = () => {
  const own = asObject(member(document, "currentScript"));
  const [, collector, , , pathToken, , , queryToken] = SCRIPT_URL.exec(own.src) || [];
  const token = queryToken || pathToken;
  const { token: ownToken } = asObject(own.dataset);
  scriptBase = token && collector;
  return {
    collector: ownToken && collector,
    ...window.tillrollOptions,
    ...(token ? { token, collector } : !ownToken && asObject(member(document, "querySelector").call(document, "script[data-token][data-collector]")).dataset),
    ...own.dataset,
  };
};

/**
 * Returns `existing`, what the page has under the vendor's name, if methods can be installed on it: a stub, also a function, but not a frozen
 * object or an element whose id is the name. Else returns a new object.
 */
const extensibleTarget = (existing) => (tryCall(() => Object.isExtensible(existing) && !existing.nodeType) ? existing : {});

/** Returns a function that installs all methods on the objects of both vendors, unless they are installed already. */
const createInstaller = (track) => {
  let installedEvent;
  return () => {
    const other = (window.ometria = extensibleTarget(window.ometria));
    tryCall(installOmetria, other, track("ometria"), () => readState(VISITOR_COOKIE));
    const target = (window.metrilo = extensibleTarget(window.metrilo));
    if (installedEvent && target.event === installedEvent) return;
    installMetrilo(target, track("metrilo"));
    // v1 calls are recorded raw; snippet/replay.js decodes them once the core has loaded.
    installV1Stub(target, (call) => track("metrilo-v1")(RAW_CALL_MARKER, call));
    installedEvent = target.event;
  };
};

/** Installs everything for the project `token` of the collector `collector`; without options, functions without effect. */
const install = (options) => {
  const settings = {
    ...options,
    visitor: tryCall(() => (window.metrilo || {}).ensure_cbuid),
    // The array in which the inline snippet recorded calls.
    snippet: asArray(window.tillroll),
  };
  // The fragment differs for each attempt, because browsers cache the failure of a module import by URL.
  const loadCore = (attempt, collector) => import((scriptBase || collector) + __CORE__ + "#" + attempt).then((core) => core.load2());
  const { track, client } = tryCall(createClient, settings, loadCore) || { track: () => () => {} };
  const adopt = createInstaller(track);
  window.tillroll = { ...client, token: options.token, adopt };
  adopt();
  // Functions that the page queued to run once the library is there.
  consumeQueue((window.metriloQueue = asArray(window.metriloQueue)), (entry) => tryCall(entry));
};

const run = () => {
  const options = asObject(tryCall(readOptions));
  const { token, collector } = options;
  const { adopt, token: firstToken } = asObject(window.tillroll);
  // An element of the page may stand in place of its options. An address without a scheme would be a path beside the page.
  const isConfigured = token && /^\/|\/\//.test(collector);
  // On a second execution a v1 stub may have replaced our object since: adopt its calls.
  if (adopt) adopt();
  else install(isConfigured ? options : {});
  if (adopt ? isConfigured && token !== firstToken : !isConfigured)
    window.console.error("tillroll: wrong token/collector");
};

tryCall(run);
