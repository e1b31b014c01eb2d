// The functions of the core that the call queue calls. They pass inputs, after what the core has to learn first: an external referral, and the
// state that other tabs have written meanwhile.

import { member, now } from "../page.js";
import { tryCall } from "../safe.js";
import { isOwnSite } from "../storage/cookies.js";
import { RAW_CALL } from "../storage/event-store.js";

/* global __SESSION_TIMEOUT_MS__, INPUTS */

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
 * Adds the functions to the core. `refresh(all)` passes the dedup state to the core, or with `all` the cookies too: after a pause of a session
 * timeout, another tab may have continued the session. `ownSession(text)` returns a saved session, or an empty text if it is that of another
 * project. Raw vendor calls go to `deferUntilReplay(key, text)` until the core can replay them. `flush(resolve)` adds `resolve` to `flushed`,
 * for the core's report.
 */
export const addCalls = (core, refresh, ownSession, deferUntilReplay, flushed) => {
  const { input } = core;
  let lastCallAt = now();
  Object.assign(core, {
    /** The options are the texts `consent`, `visitor`, `session` and `notes`, and optionally `made`, an id that the shop's server generated. */
    start: ({ consent, visitor, session, notes, made }, key, call) => {
      input(INPUTS.StateChanged, visitor, ownSession(session), notes);
      input(INPUTS.ServerId, made);
      input(INPUTS.Start, consent, key, tryCall(isExternalReferral, call) ? call.replace("$land", "$arrival") : call);
    },
    call: (key, text) => {
      if (!core.canReplay && RAW_CALL.test(text)) return deferUntilReplay(key, text);
      const time = now();
      if (time - lastCallAt >= __SESSION_TIMEOUT_MS__) refresh(true);
      else if (NEEDS_DEDUP.test(text)) refresh();
      lastCallAt = time;
      input(INPUTS.Call, key, text);
    },
    /** `entries` are pairs of key and text, in the order of the keys. */
    restore: (entries) => {
      entries.forEach((entry) => input(INPUTS.Stored, ...entry));
      input(INPUTS.Restored);
    },
    consent: (state) => {
      // After a denial in all tabs, another tab may have started a new visitor.
      refresh(true);
      input(INPUTS.Consent, state);
    },
    flush: (resolve) => {
      flushed.push(resolve);
      input(INPUTS.Flush);
    },
  });
};
