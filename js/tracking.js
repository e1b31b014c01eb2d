// The script tag's entry: a classic script that makes `window.metrilo` and `window.tillroll` whole at once and fetches the core behind
// them. Token and collector come from its own address. It throws nothing, defines no module, and a second time does nothing.

import { metriloV1 } from "./facades/metrilo-v1.js";
import { metrilo } from "./facades/metrilo.js";
import { openLine } from "./line.js";
import { flat } from "./loose.js";
import { quietly } from "./quiet.js";
import { openStore } from "./store.js";

/* global __CORE__, __WASM__, __VERSION__ */

/** Of a script's address: the folder that it and its siblings are in, the token of an old tag's path, and of a query. */
const ADDRESS = /^(.*?\/)(?:(?:j|tags)\/([^/?#]+)\.js|[^/?#]*)(?:\?([^#]*))?(?:#.*)?$/;

/** The script's own tag; a loader that evaluates scripts leaves only the one that looks like it. */
const tag = () => document.currentScript || document.querySelector("script[src*='/tracking.js'],script[src*='/j/'],script[src*='/tags/']");

const decoded = (text) => quietly(decodeURIComponent, text) || text;

/** What the page left under our name, if it can be built upon: a stub, even a function, but nothing frozen. */
const ground = (left) => (left && /^[of]/.test(typeof left) && Object.isExtensible(left) ? left : {});

const read = (script, visitor) => {
  const [, base, old, query] = ADDRESS.exec(script.src) || [];
  const data = (name) => script.getAttribute("data-" + name) || "";
  const refuses = navigator.globalPrivacyControl && data("gpc") !== "ignore";
  return {
    base,
    token: decoded((/(?:^|&)token=([^&]*)/.exec(query) || [])[1] || old || ""),
    version: __VERSION__,
    collector: (data("collector") || base).replace(/\/*$/, "/"),
    consent: refuses ? "never" : data("consent") || "granted",
    domain: data("cookie-domain"),
    visitorCookie: "cbuid",
    sessionCookie: "ometria",
    visitor,
  };
};

/** Runs what the page put by for the time when the library is there, and from then on at once. */
const drain = (queue) => {
  const run = (entry) => typeof entry === "function" && quietly(entry);
  const held = Array.isArray(queue) ? queue.splice(0) : [];
  window.metriloQueue = Array.isArray(queue) ? queue : [];
  window.metriloQueue.push = (...entries) => (entries.forEach(run), 0);
  held.forEach(run);
};

const begin = () => {
  if (window.tillroll) return;
  const target = ground(window.metrilo);
  const options = read(tag(), target.ensure_cbuid);
  const line = openLine(options, openStore());
  const ready = import(options.base + __CORE__)
    .then((core) => core.load(options.base + __WASM__))
    .then((core) => line.attach(core, flat));
  ready.catch(() => {});
  window.tillroll = { version: options.version, ready, flush: line.flush, consent: line.consent, reset: line.reset, on: line.on };
  metrilo(target, (type, params) => line.call("metrilo", type, params));
  metriloV1(target, (type, params) => line.call("metrilo-v1", type, params));
  window.metrilo = target;
  drain(window.metriloQueue);
};

quietly(begin);
