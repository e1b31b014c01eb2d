// Forwards the lifecycle of the page to the core.

import { listen, member } from "../page.js";

/* global INPUTS */

/**
 * Forwards page lifecycle events to the core. A page in the back/forward cache misses that consent is denied: if the visitor that
 * `readVisitor()` returned before is gone when the page returns, `deny()` is called.
 */
export const listenToLifecycle = (core, refresh, readVisitor, deny) => {
  let visitor;
  listen("pagehide", () => {
    core.input(INPUTS.PageHide);
    visitor = readVisitor();
  });
  listen("pageshow", (event) => {
    if (!event.persisted) return;
    if (visitor && !readVisitor()) deny();
    refresh(true);
    core.input(INPUTS.PageShow);
  });
  listen("online", () => core.input(INPUTS.Online));
  listen("visibilitychange", () => member(document, "hidden") && core.input(INPUTS.Hidden));
};
