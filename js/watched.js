// Whether somebody wants to see what the library does. `#om_debug` in a page's address opens the debug window, there and on every page from
// then on, in all tabs, until `#om_debug=off` or the end of the browser's session. What it is made of is fetched only then.

import { DEBUG_COOKIE, DEBUG_OVER, DEBUG_REACH } from "./facades/cookies.js";
import { quietly } from "./quiet.js";

/* global __DEBUG__ */

/** Returns whether the window is to be open on this page, and has later pages do the same. */
const wanted = () => {
  const asked = /[#&]om_debug(=off)?/.exec(location.hash);
  if (asked) document.cookie = DEBUG_COOKIE + DEBUG_REACH + (asked[1] ? DEBUG_OVER : "");
  return asked ? !asked[1] : document.cookie.includes(DEBUG_COOKIE);
};

/** Returns the core, or a promise of one that is watched. A window that does not come hinders nobody. */
export const watched = (core) => (quietly(wanted) ? import(__DEBUG__).then((debug) => debug.watch(core), () => core) : core);
