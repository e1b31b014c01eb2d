// The flag of the debug panel: a cookie, so that it holds on all pages and in all tabs until the end of the browser session.

import { DEBUG_COOKIE, setCookie } from "../storage/cookies.js";

/** Enables or disables the panel on all pages of the host. */
export const writeDebugFlag = (isEnabled) => setCookie(DEBUG_COOKIE + ";path=/;samesite=lax" + (isEnabled ? "" : ";max-age=0"));

/** Applies what the URL asks for: `#om_debug` enables the panel, `#om_debug=off` disables it. Returns whether to show it on this page. */
export const applyRequest = () => {
  const [request, off] = /[#&]om_debug(=off)?/.exec(location.hash) || [];
  if (request) writeDebugFlag(!off);
  return !off;
};
