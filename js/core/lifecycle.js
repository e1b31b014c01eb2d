// What the core has to learn from the page before it processes a call: page lifecycle events, an external referral, and the state that other
// tabs have written meanwhile.

import { listen, member, now } from "../page.js";
import { tryCall } from "../safe.js";
import { isOwnSite } from "../storage/cookies.js";
import { RAW_CALL } from "../storage/event-store.js";

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
  const referrer = member(document, "referrer");
  const isExternal = referrer ? !isOwnSite(referrer) : CAMPAIGN.test(call);
  return isExternal && window.performance.getEntriesByType("navigation")[0].type === "navigate";
};

/**
 * Forwards page lifecycle events to the core. A page in the back/forward cache misses that consent is denied: if the visitor that
 * `readVisitor()` returned before is gone when the page returns, `deny()` is called.
 */
export const listenToLifecycle = (core, refresh, readVisitor, deny) => {
  let visitor;
  listen("pagehide", () => {
    core.pagehide();
    visitor = readVisitor();
  });
  listen("pageshow", (event) => {
    if (!event.persisted) return;
    if (visitor && !readVisitor()) deny();
    refresh(true);
    core.pageshow();
  });
  listen("online", core.online);
  listen("visibilitychange", () => member(document, "hidden") && core.hidden());
};

/**
 * Replaces the functions of the core that depend on shared state, so that they read it first. `refresh(all)` passes the dedup state to the
 * core, or with `all` the cookies too: after a pause of a session timeout, another tab may have continued the session. `ownSession(text)`
 * returns a saved session, or an empty text if it is that of another project. Raw vendor calls go to `deferUntilReplay(key, text)` until the
 * core can replay them. `flush(resolve)` adds `resolve` to `flushed`, for the core's report.
 */
export const wrapCore = (core, refresh, ownSession, deferUntilReplay, flushed) => {
  const { start, call, consent, flush } = core;
  core.start = (host, options, key, text) => {
    options.session = ownSession(options.session);
    start(host, options, key, tryCall(isExternalReferral, text) ? text.replace("$land", "$arrival") : text);
  };
  let lastCallAt = now();
  core.call = (key, text) => {
    if (!core.canReplay && RAW_CALL.test(text)) return deferUntilReplay(key, text);
    const time = now();
    if (time - lastCallAt >= __SESSION_TIMEOUT_MS__) refresh(true);
    else if (NEEDS_DEDUP.test(text)) refresh();
    lastCallAt = time;
    call(key, text);
  };
  core.flush = (resolve) => {
    flushed.push(resolve);
    flush();
  };
  core.consent = (state) => {
    // After a denial in all tabs, another tab may have started a new visitor.
    refresh(true);
    consent(state);
  };
};
