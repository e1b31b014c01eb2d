// The script tag's entry: a classic script that makes `window.metrilo` and `window.tillroll` whole at once and fetches the core behind
// them. Token and collector come from its own address. It throws nothing, defines no module, and a second time does nothing.

import { metrilo } from "./facades/metrilo.js";
import { openLine, quietly } from "./line.js";
import { flat } from "./loose.js";
import { openStore } from "./store.js";

/* global __CORE__, __WASM__, __VERSION__ */

/** Of a script's address: the folder that it and its siblings are in, the token of an old tag's path, and of a query. */
const ADDRESS = /^(.*?\/)(?:(?:j|tags)\/([^/?#]+)\.js|[^/?#]*)(?:\?([^#]*))?(?:#.*)?$/;

const tag = () => document.currentScript || document.querySelector("script[src*='tracking.js'][src*='token=']");

const read = (script) => {
  const [, base, old, query] = ADDRESS.exec(script.src) || [];
  const data = (name) => script.getAttribute("data-" + name) || "";
  const refuses = navigator.globalPrivacyControl && data("gpc") !== "ignore";
  return {
    base,
    token: (/(?:^|&)token=([^&]*)/.exec(query) || [])[1] || old || "",
    version: __VERSION__,
    collector: (data("collector") || base).replace(/\/*$/, "/"),
    consent: refuses ? "never" : data("consent") || "granted",
    domain: data("cookie-domain"),
    visitorCookie: "cbuid",
    sessionCookie: "ometria",
    visitor: "",
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
  const options = read(tag());
  const line = openLine(options, openStore());
  const ready = import(options.base + __CORE__)
    .then((core) => core.load(options.base + __WASM__))
    .then((core) => line.attach(core, flat));
  ready.catch(() => {});
  window.tillroll = { version: options.version, ready, flush: line.flush, consent: line.consent, reset: line.reset, on: line.on };
  window.metrilo = metrilo(window.metrilo || {}, (type, params) => line.call("metrilo", type, params));
  drain(window.metriloQueue);
};

quietly(begin);
