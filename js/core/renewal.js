// Lets the collector set the visitor's cookie again, because Safari deletes a cookie that a script has set after seven days. A change of the
// cookie, in any tab, aborts the request: a late response must not bring the value of before back.

import { listen } from "../page.js";
import { tryCall, useLocal } from "../safe.js";
import { VISITOR_COOKIE, isOwnSite } from "../storage/cookies.js";

/** The local storage key that is set for a moment when the cookie changes: the browser notifies all other tabs. */
const KEY = "tillroll-visitor";

/**
 * How long the cookie must stay unchanged before the request. A browser may apply a response that arrives just before its request is aborted, so
 * a page that identifies its visitor at once must not have a request on its way.
 */
const DELAY_MS = 500;

/**
 * Returns the function to call after the cookie was written with `value`; an empty one is a deletion. `write(value)` writes the cookie again.
 * Only a collector on the shop's own site gets the cookie and can set it.
 */
export const createRenewal = (collector, domain = "", readState, write) => {
  let controller;
  let timer;
  /** The value that a late response can bring back: that of this tab's last request, or of an earlier one of another tab. */
  let requested = readState(VISITOR_COOKIE);
  const renew = (value) => {
    // Any other value is the shop's.
    if (requested && requested !== value && readState(VISITOR_COOKIE) === requested) write(value);
    if (!value) return;
    requested = value;
    controller = new window.AbortController();
    const { signal } = controller;
    window.fetch(`${collector}v2/cookie?domain=${domain}`, { method: "POST", mode: "no-cors", credentials: "include", signal }).catch(() => {});
  };
  const abort = () => {
    clearTimeout(timer);
    if (controller) controller.abort();
  };
  // Otherwise a page in the back/forward cache would get the response.
  listen("pagehide", abort);
  listen("storage", ({ key }) => key === KEY && abort());
  return (value) => {
    abort();
    useLocal("setItem", KEY, 1);
    useLocal("removeItem", KEY);
    if (isOwnSite(collector, domain)) timer = setTimeout(tryCall, DELAY_MS, renew, value);
  };
};
