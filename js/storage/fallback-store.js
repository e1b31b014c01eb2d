// The store to use if IndexedDB is unavailable: local storage, one key for each text. If that is unavailable too, its functions throw, and the
// event store keeps the texts in memory. It loads with the core, because few pages need it.

import { KEY_PREFIX } from "./event-store.js";

/**
 * Returns `{ put, delete, entries, clear, transaction }`; the first two and the last are like those of an object store of IndexedDB. `name`
 * is that of the event store. It also finds what the inline snippet recorded, under one prefix for all tokens.
 */
export const createFallbackStore = (name) => {
  const prefix = name + ":";
  const prefixOf = (key) => [prefix, KEY_PREFIX].find((prefix) => key.startsWith(prefix));
  const storedKeys = () => Object.keys(window.localStorage).filter(prefixOf);
  return {
    put: (text, key) => window.localStorage.setItem(prefix + key, text),
    delete: (key) => [prefix, KEY_PREFIX].forEach((prefix) => window.localStorage.removeItem(prefix + key)),
    /** Returns pairs of key and text, in the order of the keys. */
    entries: () =>
      storedKeys()
        .map((key) => [key.slice(prefixOf(key).length), window.localStorage.getItem(key)])
        .sort(),
    clear: () => storedKeys().forEach((key) => window.localStorage.removeItem(key)),
    transaction: { addEventListener: (_, onComplete) => onComplete() },
  };
};
