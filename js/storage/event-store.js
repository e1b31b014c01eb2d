// The event store: persists texts under keys in IndexedDB, which keeps a write even if the browser is killed right after it. If IndexedDB
// is unavailable, the fallback store takes its place, see fallback-store.js. A write starts within the call that requests it.

import { tryCall } from "../safe.js";

const DB_NAME = "tillroll";

/** The prefix of the library's keys in local storage. */
export const KEY_PREFIX = "tillroll:";

/**
 * Marks a raw vendor call, which only js/snippet/replay.js can decode: it is the type of a call that the page recorded, and the prefix of
 * the id of a call that the inline snippet recorded.
 */
export const RAW_CALL_MARKER = KEY_PREFIX;

/** How long the browser may take to open the database, or to read it. */
const DB_TIMEOUT_MS = 2000;

const onResult = (request, onSuccess, onError) => {
  request.onsuccess = () => onSuccess(request.result);
  request.onerror = onError;
};

/** Opens the database: calls `onOpen` with the store, or `onError`; calls `onClose` if the browser closes it later. */
const openDb = (onOpen, onError, onClose) => {
  const opening = indexedDB.open(DB_NAME, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(DB_NAME);
  opening.onblocked = onError;
  onResult(
    opening,
    (db) => {
      // Commits explicitly: otherwise the transaction commits only after its success events, and aborts if the page closes before them.
      const write = (run, onComplete) => {
        const transaction = db.transaction(DB_NAME, "readwrite");
        transaction.oncomplete = onComplete;
        run(transaction.objectStore(DB_NAME));
        if (transaction.commit) transaction.commit();
      };
      // Another tab may delete the database, for example when consent is denied there: later writes go to a new one.
      db.onclose = db.onversionchange = () => {
        db.close();
        onClose();
      };
      onOpen({
        put: ([key, text, onComplete]) => write((store) => store.put(text, key), onComplete),
        delete: (keys) => write((store) => keys.forEach((key) => store.delete(key)), null),
        getAll: (callback) => {
          const store = db.transaction(DB_NAME, "readonly").objectStore(DB_NAME);
          onResult(store.getAllKeys(), (keys) => {
            onResult(store.getAll(), (texts) => callback(keys.flatMap((key, at) => [key, texts[at]])), () => callback());
          }, () => callback());
        },
      });
    },
    onError,
  );
};

/**
 * Returns the event store of this page: `put(key, text)`, `delete(keys)`, `getAll(callback)` and `clear()`. `callback` gets keys and texts
 * alternately, in the order of the keys. `useFallback(store)` sets the store to use if IndexedDB is unavailable; until then texts stay in
 * memory, and `getAll` must not be called. Texts that are not persisted when the page closes go to local storage, for the next page.
 * The database is opened on first use. No function throws.
 */
export const createEventStore = () => {
  /** Texts that are not persisted yet: the page may close before the database is open, or the database may be full. */
  const pending = new Map();
  let store;
  let fallback;
  /** Operations that wait for the database; undefined until the first one. */
  let queued;
  /** Whether the database failed to open before the fallback was there. */
  let needsFallback;

  addEventListener("pagehide", () => pending.forEach((text, key) => tryCall(() => localStorage.setItem(KEY_PREFIX + key, text))));

  const setStore = (opened) => {
    if (store || !queued || !opened) return;
    store = opened;
    queued.splice(0).forEach((operation) => run(...operation));
  };
  const giveUpDb = () => {
    if (queued) needsFallback = true;
    setStore(fallback);
  };
  const closeDb = () => {
    queued = store = needsFallback = undefined;
  };
  const run = (name, argument) => {
    if (store) {
      // If the database is full or closed, the text stays in `pending` and in the core's queue, and is sent from there.
      if (!tryCall(() => (store[name](argument), true)) && name === "getAll") argument();
      return;
    }
    if (!queued) {
      queued = [];
      if (!tryCall(() => (openDb(setStore, giveUpDb, closeDb), true))) giveUpDb();
      // A browser may never respond.
      setTimeout(giveUpDb, DB_TIMEOUT_MS);
    }
    queued.push([name, argument]);
  };

  const put = (key, text) => {
    pending.set(key, text);
    run("put", [key, text, () => pending.get(key) === text && pending.delete(key)]);
  };

  /** Moves texts that earlier pages could store only in local storage, when they closed, to the store. */
  const adoptLeftovers = (entries) => {
    const keys = entries.filter((_, at) => at % 2 === 0);
    keys.forEach((key, at) => put(key, entries[at * 2 + 1]));
    fallback.delete(keys);
  };

  return {
    put,
    delete: (keys) => {
      keys.forEach((key) => pending.delete(key));
      run("delete", keys);
    },
    getAll: (callback) => {
      let isWaiting = true;
      const respond = (entries) => {
        if (isWaiting) callback(entries || [...pending].sort().flat());
        isWaiting = false;
      };
      if (store !== fallback) tryCall(fallback.getAll, adoptLeftovers);
      // WebKit 2.50 may put a page with an unfinished write into the back/forward cache; other pages cannot read until that page is evicted.
      setTimeout(respond, DB_TIMEOUT_MS);
      run("getAll", respond);
    },
    clear: () => {
      pending.clear();
      closeDb();
      tryCall(() => indexedDB.deleteDatabase(DB_NAME));
      if (fallback) tryCall(fallback.clear);
    },
    useFallback: (other) => {
      fallback = other;
      if (needsFallback) setStore(other);
    },
  };
};
