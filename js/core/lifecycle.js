// What the core has to learn from the page before it processes a call: page lifecycle events, an external referral, and the state that other
// tabs have written meanwhile.

import { tryCall } from "../safe.js";
import { cookieDomains } from "../storage/cookies.js";
import { RAW_CALL_MARKER } from "../storage/event-store.js";

/* global __SESSION_TIMEOUT_MS__ */

/** Matches calls that the core compares with the dedup state; see protocol/src/visitor_context/dedup.rs. */
const NEEDS_DEDUP = /:type\x1f\$(basket_update|order|identify)\x1f/;

/** Matches a campaign parameter, or the click id of an advertisement, in the URL of an encoded call. */
const CAMPAIGN = /[?&](utm_|\w*(clk?id|braid)=)/;

/**
 * Returns whether the visitor comes from another site: by its referrer, or by a campaign parameter if there is no referrer. A reload or a
 * history navigation is never an external referral. `call` is the encoded load call.
 */
const isExternalReferral = (call) => {
  const referrer = document.referrer.split(/[/:]+/)[1];
  const site = cookieDomains(location.hostname)[0] || location.hostname;
  const isExternal = referrer ? !("." + referrer).endsWith("." + site) : CAMPAIGN.test(call);
  return isExternal && performance.getEntriesByType("navigation")[0].type === "navigate";
};

/** Forwards page lifecycle events to the core, in the capture phase, so that the page's own listeners cannot stop them. */
export const listenToLifecycle = (core, refresh) => {
  addEventListener("pagehide", core.pagehide, true);
  addEventListener("pageshow", (event) => event.persisted && (refresh(true), core.pageshow()), true);
  addEventListener("online", core.online, true);
  addEventListener("visibilitychange", () => document.hidden && core.hidden(), true);
};

/**
 * Replaces the functions of the core that depend on shared state, so that they read it first. `refresh(all)` passes the dedup state to the
 * core, or with `all` the cookies too: after a pause of a session timeout, another tab may have continued the session. Raw vendor calls go to
 * `deferUntilReplay(key, text)` until the core can replay them.
 */
export const wrapCore = (core, refresh, deferUntilReplay) => {
  const { start, call, consent } = core;
  core.start = (host, options, key, text) =>
    start(host, options, key, tryCall(isExternalReferral, text) ? text.replace("$land", "$arrival") : text);
  let lastCallAt = Date.now();
  core.call = (key, text) => {
    if (!core.canReplay && text.includes(RAW_CALL_MARKER)) return deferUntilReplay(key, text);
    const now = Date.now();
    if (now - lastCallAt >= __SESSION_TIMEOUT_MS__) refresh(true);
    else if (NEEDS_DEDUP.test(text)) refresh();
    lastCallAt = now;
    call(key, text);
  };
  core.consent = (state) => {
    refresh();
    consent(state);
  };
};
