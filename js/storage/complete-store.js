// Completes the event store with what only the core needs: it reads and deletes stored texts, and moves there what an earlier page has stored
// elsewhere.

import { tryCall } from "../safe.js";
import { createFallbackStore } from "./fallback-store.js";

/** How long the browser may take to open the database, or to read it. */
const DB_TIMEOUT_MS = 2000;

/** Calls `callback` with the entries of an object store; without them if that fails. */
const readObjects = (objects, callback) => {
  // Both at once: the transaction may be committed before the first result.
  const keys = objects.getAllKeys();
  const texts = objects.getAll();
  texts.onsuccess = () => callback(keys.result.map((key, at) => [key, texts.result[at]]));
  texts.onerror = () => callback();
};

/** Returns `{ name, put, delete, getAll, clear }` of the event store `store`. `getAll(callback)` passes pairs of key and text, in the order of the keys. */
export const completeStore = (store) => {
  const { name, put, run } = store;
  const fallback = createFallbackStore(name);
  let isFallbackUsed;

  /** Moves what earlier pages could store only in local storage, when they closed. */
  const adoptFallback = () => {
    const entries = fallback.entries();
    // Before they are deleted here: another tab that finds only some of them finds the others in the database.
    entries.forEach((entry) => put(...entry));
    entries.forEach(([key]) => fallback.delete(key));
  };

  const giveUpDb = () =>
    store.use(() => {
      isFallbackUsed = true;
      return fallback;
    });

  /** Uses the fallback if the database cannot be opened. */
  const watchOpening = ({ opening }) => {
    if (!opening || (opening.readyState === "done" && opening.error)) giveUpDb();
    else opening.addEventListener("error", giveUpDb);
  };
  return {
    name,
    put,
    delete: (keys) => {
      keys.forEach((key) => delete store.pending[key]);
      run((objects) => keys.forEach((key) => objects.delete(key)));
    },
    clear: () => {
      store.pending = {};
      // The open database gets a `versionchange` event.
      tryCall(() => window.indexedDB.deleteDatabase(name));
      tryCall(fallback.clear);
    },
    getAll: (callback) => {
      let isWaiting = true;
      const respond = (entries) => {
        if (isWaiting) callback(entries || Object.entries(store.pending).sort());
        isWaiting = false;
      };
      if (!isFallbackUsed) tryCall(adoptFallback);
      // A browser may never open the database. WebKit 2.50 may put a page with an unfinished write into the back/forward cache; other pages cannot
      // read until that page is evicted.
      setTimeout(() => (giveUpDb(), respond()), DB_TIMEOUT_MS);
      run((objects) => (objects === fallback ? respond(tryCall(fallback.entries)) : readObjects(objects, respond)));
      watchOpening(store);
    },
  };
};
