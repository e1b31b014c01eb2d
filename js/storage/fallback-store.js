// The store to use if IndexedDB is unavailable: local storage, one key for each text. If that is unavailable too, its functions throw, and the
// event store keeps the texts in memory. It loads with the core, because few pages need it.

import { KEY_PREFIX } from "./event-store.js";

const storedKeys = () => Object.keys(localStorage).filter((key) => key.startsWith(KEY_PREFIX)).sort();

/** The fallback store, with the same functions as the store in event-store.js. */
export const fallbackStore = {
  put: ([key, text, onComplete]) => {
    localStorage.setItem(KEY_PREFIX + key, text);
    onComplete();
  },
  delete: (keys) => keys.forEach((key) => localStorage.removeItem(KEY_PREFIX + key)),
  getAll: (callback) => callback(storedKeys().flatMap((key) => [key.slice(KEY_PREFIX.length), localStorage.getItem(key)])),
  clear: () => storedKeys().forEach((key) => localStorage.removeItem(key)),
};
