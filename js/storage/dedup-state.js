// The dedup state: the calls of which a repetition sends no event, shared by all tabs through local storage. The core defines its format,
// see protocol/src/visitor_context/dedup.rs.

import { tryCall } from "../safe.js";

/** The local storage key. */
export const DEDUP_KEY = "tillroll-notes";

/** The state if local storage refused to store it: only this page has it then. */
let unsaved;

/** Returns the state; an empty string if there is none. `readState` is that of cookies.js. */
export const readDedup = (readState) => (unsaved === undefined ? readState(DEDUP_KEY) : unsaved);

/** Stores the state; deletes it if `state` is empty. */
export const writeDedup = (state) => {
  unsaved = state;
  tryCall(() => {
    if (state) localStorage.setItem(DEDUP_KEY, state);
    else localStorage.removeItem(DEDUP_KEY);
    unsaved = undefined;
  });
};
