// The first-party cookies: visitor, session and the debug flag. Names and lifetime come from protocol/src/cookies.rs at build time; which
// domain a cookie is set for is decided here. A browser that refuses cookies gets local storage under the same name.

import { tryCall } from "../safe.js";

/* global __COOKIE_MAX_AGE_SECS__, __SESSION_COOKIE__, __SHARED_HOSTS__, __VISITOR_COOKIE__ */

const DEBUG_COOKIE = "om_debug=1";

/** The visitor: an anonymous id or an e-mail address. */
export const VISITOR_COOKIE = __VISITOR_COOKIE__;

/** The session, a query string with `sid`. */
export const SESSION_COOKIE = __SESSION_COOKIE__;

/** Returns the value of the cookie `name`; an empty string if there is none. */
const readCookie = (name) =>
  tryCall(() => {
    const value = document.cookie.split("; ").find((cookie) => cookie.startsWith(name + "=")).slice(name.length + 1);
    return tryCall(decodeURIComponent, value) || value;
  }) || "";

/** Returns the value of the cookie `name`, else that of local storage, which counts only while the browser refuses cookies. */
export const readState = (name) => readCookie(name) || tryCall(() => localStorage.getItem(name)) || "";

/** Returns whether `domain` is a public suffix, on which browsers refuse cookies, or a host that unrelated sites share. */
const isPublicSuffix = (domain) => !domain.includes(".") || /^[^.]{1,3}\.[^.]{2}$/.test(domain) || __SHARED_HOSTS__.includes(domain);

/**
 * Returns the domains for which to try to set a cookie on `host`: the widest first, and last an empty string, which means the host alone.
 * The same rule as in protocol/src/cookies.rs.
 */
export const cookieDomains = (host) => {
  if (/[:\]]|(^|\.)\d+$/.test(host)) return [""];
  const labels = host.split(".");
  const domains = labels.map((_, at) => labels.slice(at).join("."));
  return [...domains.reverse().filter((domain) => !isPublicSuffix(domain)), ""];
};

/** Returns `value` as PHP and `decodeURIComponent` both decode it. `@` stays, because shops test for it. */
export const encodeCookie = (value) => encodeURIComponent(value).replace(/%(40|3D|26)/g, decodeURIComponent);

/**
 * Sets the cookie `name`, or deletes it if `value` is empty: for `domain`, else for the widest domain that the browser accepts. If it accepts
 * none, the value goes to local storage. `readState` is the function above: the host passes it in, because it is in the page's script already.
 */
export const writeState = (name, value, domain, readState) => {
  const maxAge = value ? __COOKIE_MAX_AGE_SECS__ : 0;
  const secure = location.protocol === "https:" ? ";secure" : "";
  const attributes = `=${encodeCookie(value)};path=/;samesite=lax;max-age=${maxAge}${secure}`;
  tryCall(() => localStorage.removeItem(name));
  const isWritten = (domain ? [domain] : cookieDomains(location.hostname)).some((domain) => {
    tryCall(() => (document.cookie = name + attributes + (domain && ";domain=" + domain)));
    return readState(name) === value;
  });
  if (!isWritten) tryCall(() => localStorage.setItem(name, value));
};

/** Returns whether the debug panel is enabled in this browser session. */
export const readDebugFlag = () => document.cookie.includes(DEBUG_COOKIE);

/** Enables or disables the debug panel on all pages of the host until the end of the browser session. */
export const writeDebugFlag = (isEnabled) => {
  document.cookie = DEBUG_COOKIE + ";path=/;samesite=lax" + (isEnabled ? "" : ";max-age=0");
};
