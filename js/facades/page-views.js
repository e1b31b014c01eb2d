// Automatic page views, for pages that ask for them: a page view when the page loads, when its address changes without a load, and when the
// browser restores it. A file of its own, which the core loads only where it is asked for. One view gives one call: changes within
// `SETTLE_MS` are one, and so is a change to the address that was viewed last.

import { listen, member } from "../page.js";
import { tryCall } from "../safe.js";

/** How long an address has to stay before it is viewed: routers redirect at once, and some write the address twice. */
const SETTLE_MS = 100;

/** Returns the part of an address by which two views differ. */
const KEYS = {
  auto: (url) => url.split("#")[0],
  // Shops whose routes are in the fragment.
  hash: (url) => url,
};

const withoutQuery = (url) => url.replace(/\?[^#]*/, "");

/**
 * Calls `onChange(isReplaced)` after each change of the address without a load; `isReplaced` is whether the entry of the history is the same
 * as before.
 */
const watchAddress = (onChange) => {
  const { navigation, history } = window;
  if (navigation && navigation.addEventListener) {
    navigation.addEventListener("currententrychange", ({ navigationType }) => navigationType && onChange(navigationType === "replace"));
    return;
  }
  const wrap = (method, isReplaced) => {
    const original = history[method];
    history[method] = function (...args) {
      const result = original.apply(this, args);
      onChange(isReplaced);
      return result;
    };
  };
  // A page may have frozen them.
  tryCall(wrap, "pushState", false);
  tryCall(wrap, "replaceState", true);
  listen("popstate", () => onChange(false));
  listen("hashchange", () => onChange(false));
};

/**
 * Starts to call `facade.viewPage`; that of the script tag is on the window. `pageViews` is `auto`, or `hash` if the fragment is part of the
 * address. Any other word does nothing.
 */
export const start = ({ facade = window.metrilo, pageViews: mode }) => {
  const keyOf = Object.prototype.hasOwnProperty.call(KEYS, mode) && KEYS[mode];
  if (!keyOf) return;
  let viewed;
  let timer;
  /** Whether a change since the last view may be of the query alone. Scripts replace the query to save filters or the position. */
  let mayBeQuery;
  /** The address at the last change that counted. */
  let latest;

  const view = () => {
    timer = undefined;
    const key = keyOf(location.href);
    const isNew = mayBeQuery ? key !== viewed : withoutQuery(key) !== withoutQuery(viewed);
    mayBeQuery = false;
    if (!isNew) return;
    viewed = latest = key;
    tryCall(() => facade.viewPage(location.href, { name: member(document, "title") }));
  };
  const settle = () => {
    clearTimeout(timer);
    timer = setTimeout(view, SETTLE_MS);
  };
  const onChange = (isReplaced) => {
    const key = keyOf(location.href);
    // A loop that replaces the address again and again must not defer the view for ever.
    if (isReplaced && withoutQuery(key) === withoutQuery(latest)) return;
    mayBeQuery = mayBeQuery || !isReplaced;
    latest = key;
    settle();
  };

  const viewAgain = () => {
    viewed = "";
    mayBeQuery = true;
    latest = keyOf(location.href);
    settle();
  };
  viewAgain();
  watchAddress(onChange);
  listen("pageshow", (event) => event.persisted && viewAgain());
};
