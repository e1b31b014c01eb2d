// The store to use if IndexedDB is unavailable: local storage, one key for each text, or memory alone if that is unavailable too. It loads
// with the core, because few pages need it.

import { tryCall } from "../safe.js";
import { KEY_PREFIX } from "./event-store.js";

const storedKeys = (storage) => Object.keys(storage).filter((key) => key.startsWith(KEY_PREFIX)).sort();

const createLocalStore = (storage) => ({
  put: ([key, text, onComplete]) => {
    storage.setItem(KEY_PREFIX + key, text);
    onComplete();
  },
  delete: (keys) => keys.forEach((key) => storage.removeItem(KEY_PREFIX + key)),
  getAll: (callback) => callback(storedKeys(storage).flatMap((key) => [key.slice(KEY_PREFIX.length), storage.getItem(key)])),
  clear: () => tryCall(() => storedKeys(storage).forEach((key) => storage.removeItem(key))),
});

/** Persists nothing: the event store keeps the texts in memory. */
const EMPTY_STORE = { put() {}, delete() {}, getAll: (callback) => callback([]), clear() {} };

/** Returns the fallback store, with the same functions as the store in event-store.js. */
export const createFallbackStore = () => tryCall(() => createLocalStore(localStorage)) || EMPTY_STORE;
