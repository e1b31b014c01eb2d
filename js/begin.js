// The library as both entries start it: options in, our own object out, with a line for calls behind it.

import { openLine } from "./line.js";
import { quietly } from "./quiet.js";
import { openStore } from "./store.js";

/* global __VERSION__ */

const consent = ({ consent, gpc }) => (navigator.globalPrivacyControl && gpc !== "ignore" ? "never" : consent || "granted");

/**
 * Starts the library. `options`: `token`, `collector` (its address), `visitorCookie`, `sessionCookie`, and where wanted `cookieDomain`,
 * `consent`, `gpc`, `visitor` (an id that the shop's server made), `snippet` (what the inline snippet noted). `load(time)` fetches the core; where
 * that fails it is asked again, after twice as long each time and when the connection is back. Returns `{ say, own }`: `say(api)` gives a
 * vendor's words their voice, `own` is what pages know as `window.tillroll`.
 */
export const begin = (options, load) => {
  const texts = { token: options.token, version: __VERSION__, consent: consent(options), made: options.visitor };
  const settings = { ...options, collector: options.collector.replace(/\/*$/, "/") };
  const line = openLine(texts, settings, openStore());
  let pause = 1e3;
  let timer;
  let loaded;
  const fetchCore = () => {
    timer = clearTimeout(timer);
    loaded = load(pause).then(line.attach);
    // Who waits for the first time hears of a failure; who does not is not told in the console.
    loaded.catch(() => (timer = setTimeout(fetchCore, (pause *= 2))));
  };
  addEventListener("online", () => timer && fetchCore());
  fetchCore();
  const { call, attach, flush, ...own } = line;
  return {
    say: (api) => (...given) => quietly(call, api, ...given),
    // Without a core all is kept for later, and nobody waits for one that does not come.
    own: { version: texts.version, ready: loaded, ...own, flush: () => loaded.then(flush, () => {}) },
  };
};
