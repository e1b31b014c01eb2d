// The dedup state: the calls of which a repetition sends no event, shared by all tabs through local storage. The core defines its format,
// see protocol/src/visitor_context/dedup.rs.

import { tryCall, useLocal } from "../safe.js";
import { DEDUP_SUFFIX } from "./event-store.js";

/** Returns `{ read, write }`; `name` is that of the event store. `read()` returns the state, an empty string if there is none; `write("")` deletes it. */
export const createDedupState = (name) => {
  const key = name + DEDUP_SUFFIX;
  /** The state if local storage refused to store it: only this page has it then. */
  let unsaved;
  const write = (state) => {
    unsaved = state;
    tryCall(() => {
      window.localStorage[state ? "setItem" : "removeItem"](key, state);
      unsaved = undefined;
    });
  };
  return { read: () => (unsaved === undefined ? useLocal("getItem", key) || "" : unsaved), write };
};
