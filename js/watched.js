// Whether somebody wants to see what the library does. `#om_debug` in a page's address opens the debug window, there and on every page from
// then on, in all tabs, until `#om_debug=off` or the end of the browser's session. What it is made of is fetched only then.

import { quietly } from "./quiet.js";

const COOKIE = "om_debug=1";

/* global __DEBUG__ */

/** Returns whether the window is to be open on this page, and has later pages do the same. */
const wanted = () => {
  const asked = /[#&]om_debug(=off)?/.exec(location.hash);
  if (asked) document.cookie = COOKIE + ";path=/;samesite=lax" + (asked[1] ? ";max-age=0" : "");
  return asked ? !asked[1] : document.cookie.includes(COOKIE);
};

/** Returns the core, or a promise of one that is watched. A window that does not come hinders nobody. */
export const watched = (core) => (quietly(wanted) ? import(__DEBUG__).then((debug) => debug.watch(core), () => core) : core);
