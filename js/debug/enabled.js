// Whether the page needs the debug panel: `#om_debug` in the URL asks for a change, and the flag shows the panel on all later pages. Its code
// is fetched only then; without it the core works as ever.

import { member } from "../page.js";
import { tryCall } from "../safe.js";
import { DEBUG_COOKIE } from "../storage/cookies.js";

/* global __DEBUG__ */

const isDebugRequested = () => /[#&]om_debug/.test(location.hash) || member(document, "cookie").includes(DEBUG_COOKIE);

/** Returns the core, or a promise of the core with the debug panel attached. */
export const withDebug = (core) =>
  tryCall(isDebugRequested) ? import(__DEBUG__).then((debug) => debug.attach(core)).catch(() => core) : core;
