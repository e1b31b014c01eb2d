// Whether the debug panel is enabled. `#om_debug` in the URL enables it, on this and all later pages, in all tabs, until `#om_debug=off` or
// the end of the browser session. Its code is fetched only then.

import { tryCall } from "../safe.js";
import { readDebugFlag, writeDebugFlag } from "../storage/cookies.js";

/* global __DEBUG__ */

/** Returns whether to show the panel on this page, and stores a request in the URL for later pages. */
const isDebugRequested = () => {
  const request = /[#&]om_debug(=off)?/.exec(location.hash);
  const isEnabled = request ? !request[1] : readDebugFlag();
  if (request) writeDebugFlag(isEnabled);
  return isEnabled;
};

/** Returns the core, or a promise of the core with the debug panel attached. If the panel fails to load, the core works without it. */
export const withDebug = (core) =>
  tryCall(isDebugRequested) ? import(__DEBUG__).then((debug) => debug.attach(core), () => core) : core;
