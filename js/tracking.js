// The script tag's entry: a classic script that makes `window.metrilo` and `window.tillroll` whole at once and fetches the core behind
// them. Token and collector come from its own address. It throws nothing, defines no module, and a second time does nothing.

import { begin } from "./begin.js";
import { SESSION_COOKIE, VISITOR_COOKIE } from "./facades/cookies.js";
import { hearFirst } from "./facades/metrilo-stub.js";
import { metrilo } from "./facades/metrilo.js";
import { ometria } from "./facades/ometria.js";
import { drain, quietly } from "./quiet.js";
import { recall } from "./recall.js";
import { SPOKEN } from "./store.js";

/* global __CORE__, __FALLBACK__, __WASM__ */

/** Of a script's address: the folder that it and its siblings are in, the token of an old tag's path, and the query. */
const ADDRESS = /^(.*?\/)(?:(?:j|tags)\/([^/?#]+)\.js|[^/?#]*)(?:\?([^#]*))?(?:#.*)?$/;

/** The script's own tag; a loader that evaluates scripts leaves only the one that looks like it. */
const tag = () => document.currentScript || document.querySelector("script[src*='/tracking.js'],script[src*='/j/'],script[src*='/tags/']");

/**
 * What the page left under our name, if it can be built upon: a stub, even a function, but nothing frozen, and no element whose id is our
 * name.
 */
const ground = (left) => (quietly(() => Object.isExtensible(left) && !left.nodeType) ? left : {});

/** Returns a function that gives what stands under the names of both libraries all functions, unless it has them. */
const adopter = (say) => {
  let event;
  return () => {
    const other = ground(window.ometria);
    window.ometria = other;
    quietly(ometria, other, say("ometria"), () => recall(VISITOR_COOKIE));
    const target = ground(window.metrilo);
    if (event && target.event === event) return;
    metrilo(target, say("metrilo"));
    // Recorded as they are: what they mean, spoken.js says where the core is.
    hearFirst(target, (entry) => say("metrilo-v1")(SPOKEN, entry));
    event = target.event;
    window.metrilo = target;
  };
};

const run = () => {
  const running = (window.tillroll || {}).adopt;
  // Not the first time. If a stub of the first generation took our place meanwhile, its calls are ours; else there is nothing to do.
  if (running) return running();
  const script = tag();
  const [, base = "/", old, query] = ADDRESS.exec(script ? script.src : "") || [];
  const dataset = script ? script.dataset : {};
  const options = {
    ...dataset,
    token: new URLSearchParams(query).get("token") || quietly(decodeURIComponent, old || "") || old,
    collector: dataset.collector || base,
    visitor: quietly(() => window.metrilo.ensure_cbuid),
    visitorCookie: VISITOR_COOKIE,
    sessionCookie: SESSION_COOKIE,
    // What the inline snippet noted.
    snippet: window.tillroll,
  };
  // Browsers remember a module that failed by its whole address.
  const load = (time, file, wasm) => import(`${base + file}#${time}`).then((core) => core.load(wasm));
  const { say, own } = begin(options, (time) => load(time, __CORE__, base + __WASM__).catch(() => load(time, __FALLBACK__)));
  const adopt = adopter(say);
  window.tillroll = { ...own, adopt };
  adopt();
  // What the page put by for the time when the library is there.
  const queue = window.metriloQueue;
  drain((window.metriloQueue = Array.isArray(queue) ? queue : []), (entry) => quietly(entry));
};

quietly(run);
