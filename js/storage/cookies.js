// The first-party cookies: visitor, session and the debug flag. Names and lifetime come from protocol/src/cookies.rs at build time; which
// domain a cookie is set for is decided here. A browser that refuses cookies gets local storage under the same name.

import { member } from "../page.js";
import { tryCall, useLocal } from "../safe.js";

/* global __COOKIE_MAX_AGE_SECS__, __SECOND_LEVEL_LABELS__, __SESSION_COOKIE__, __SHARED_HOSTS__, __VISITOR_COOKIE__ */

/** The flag of the debug panel, see js/debug/flag.js. */
export const DEBUG_COOKIE = "om_debug=1";

/** The visitor: an anonymous id or an e-mail address. */
export const VISITOR_COOKIE = __VISITOR_COOKIE__;

/** The session, a query string with `sid`. */
export const SESSION_COOKIE = __SESSION_COOKIE__;

/**
 * Returns the value of the cookie `name`; an empty string if there is none, and undefined if the browser refuses to read cookies. A missing cookie
 * causes no exception: the first exceptions of a page take the browser a millisecond each.
 */
const readCookie = (name) =>
  tryCall(() => {
    const [value] = (("; " + member(document, "cookie")).split(`; ${name}=`)[1] || "").split(";");
    return tryCall(decodeURIComponent, value) || value;
  });

/** Returns the value of the cookie `name`, else that of local storage, which counts only while the browser refuses cookies. */
export const readState = (name) => readCookie(name) || useLocal("getItem", name) || "";

/** Returns whether `domain` is a public suffix, on which browsers refuse cookies, or a host that unrelated sites share. */
const isPublicSuffix = (domain) => {
  const [name, country, more] = domain.split(".");
  return !country || (!more && !country[2] && __SECOND_LEVEL_LABELS__.includes(name)) || __SHARED_HOSTS__.includes(domain);
};

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

/** Returns whether `url` is on the page's site: the hosts that its cookies reach, for `domain`, which may begin with a dot, or the widest one. */
export const isOwnSite = (url, domain) =>
  ("." + url.split(/[/:]+/)[1]).endsWith(("." + (domain || cookieDomains(location.hostname)[0] || location.hostname)).replace("..", "."));

/** Returns `value` as PHP and `decodeURIComponent` both decode it. `@` stays, because shops test for it. */
export const encodeCookie = (value) => encodeURIComponent(value).replace(/%(40|3D|26)/g, decodeURIComponent);

/**
 * Sets a cookie; the prototype's setter is for pages in which an element called `cookie` hides that of `document`. The value is not read to find
 * that out: it may come from another process.
 */
export const setCookie = (text) =>
  tryCall(() => {
    const { value } = Object.getOwnPropertyDescriptor(document, "cookie") || {};
    if (Object(value) === value) Reflect.set(Object.getPrototypeOf(document), "cookie", text, document);
    else document.cookie = text;
  });

/** Returns the paths for which a cookie may be set that this page gets: `/a/b` has `/a/b`, `/a/`, `/a` and `/`. */
const cookiePaths = (path) => {
  const starts = path.split("/").map((_, at, parts) => parts.slice(0, at).join("/"));
  return [path, ...starts.reverse().flatMap((start) => [start + "/", start || "/"])];
};

/**
 * Sets the cookie `name`, or deletes it if `value` is empty: for `domain`, else for the widest domain that the browser accepts. Another
 * cookie of that name, with a path or a domain of its own, may stand before ours: if the value is not read back, all of that name are
 * deleted before narrower domains are tried, because only the page's own subdomain could delete those. If the browser accepts none, the value
 * goes to local storage. `readState` is the function above: the host passes it in, because
 * it is in the page's script already.
 */
export const writeState = (name, value, domain, readState) => {
  const { hostname, pathname, protocol } = location;
  const attributes = ";samesite=lax" + (protocol === "https:" ? ";secure" : "") + ";max-age=";
  const write = (value, maxAge, path, domain) =>
    setCookie(`${name}=${encodeCookie(value)};path=${path}${attributes}${maxAge}${domain && ";domain=" + domain}`);
  const domains = domain ? [domain] : cookieDomains(hostname);
  const writeOurs = (domain) => {
    write(value, value ? __COOKIE_MAX_AGE_SECS__ : 0, "/", domain);
    return readState(name) === value;
  };
  useLocal("removeItem", name);
  if (writeOurs(domains[0])) return;
  if (readState(name)) for (const path of cookiePaths(pathname)) for (const domain of cookieDomains(hostname)) write("", 0, path, domain);
  if (!domains.some(writeOurs)) useLocal("setItem", name, value);
};
