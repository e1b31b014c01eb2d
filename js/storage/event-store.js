// The event store: persists texts under keys in IndexedDB, which keeps a write even if the browser is killed right after it. All writes of a
// task share one transaction, at the end of the task: a write costs more than all else of a call, and none is kept before the commit. What only
// the core needs is in complete-store.js: reading, deleting, and the fallback if IndexedDB is unavailable.

import { listen } from "../page.js";
import { tryCall, useLocal } from "../safe.js";

/** The prefix of the records of the inline snippet in local storage. */
export const KEY_PREFIX = "tillroll:";

/**
 * Marks a raw vendor call, which only js/snippet/replay.js can decode: it is the type of a call that the page recorded, and the prefix of
 * the id of a call that the inline snippet recorded.
 */
export const RAW_CALL_MARKER = KEY_PREFIX;

/** Matches texts with such a call; the id of a call that the inline snippet recorded may start with the name of the event store. */
export const RAW_CALL = /tillroll:|"tillroll-/;

/** The end of the local storage key of the dedup state, behind the name of the event store. */
export const DEDUP_SUFFIX = ".notes";

/** The end of the local storage key of the calls that pages have sent before their core had loaded, behind the name of the event store. */
export const BACKLOG_SUFFIX = ".early";

/**
 * Returns the event store of this page. `name` is the name of the database and of its object store, and with a colon the prefix of keys in
 * local storage. `put(key, text)` persists a text; `run(operation)` passes the object store to `operation` at the end of the task, or once
 * the database is open; `pending` has the texts that are not persisted yet. Texts that are not persisted when the page closes go to local
 * storage, for the next page. The database is opened on first use; `opening` is that request. If it fails, the core passes to `use` a function
 * that returns another object store. No function throws.
 */
export const createEventStore = (name) => {
  /** Begins a transaction in the open database, or in the fallback, and returns the object store. */
  let begin;
  /** Operations that wait for the end of the task, or for the database. */
  const waiting = [];

  const runWaiting = () => {
    const operations = waiting.splice(0);
    // If the database is full or closed, the texts stay in `pending` and in the core's queue, and are sent from there.
    tryCall(() => {
      const objects = begin();
      operations.forEach((operation) => tryCall(operation, objects));
      // Otherwise the transaction commits only after its success events, and aborts if the page closes before them. Old browsers lack it.
      objects.transaction.commit();
    });
  };

  const openDb = () => {
    const opening = (store.opening = window.indexedDB.open(name, 1));
    opening.onupgradeneeded = () => opening.result.createObjectStore(name);
    opening.onsuccess = () => {
      const db = opening.result;
      // Another tab may delete the database, for example when consent is denied there: later writes go to a new one.
      db.onclose = db.onversionchange = () => {
        db.close();
        begin = undefined;
      };
      store.use(() => db.transaction(name, "readwrite").objectStore(name));
    };
  };

  const store = {
    name,
    /** Texts that are not persisted yet: the page may close before the database is open, or the database may be full. */
    pending: {},
    run: (operation) => {
      if (waiting.push(operation) > 1) return;
      if (begin) Promise.resolve().then(runWaiting);
      else tryCall(openDb);
    },
    put: (key, text) => {
      store.pending[key] = text;
      store.run((objects) => {
        if (store.pending[key]) objects.put(text, key);
        objects.transaction.addEventListener("complete", () => store.pending[key] === text && delete store.pending[key]);
      });
    },
    use: (start) => {
      if (begin || !waiting.length) return;
      begin = start;
      runWaiting();
    },
  };
  listen("pagehide", () => Object.keys(store.pending).forEach((key) => useLocal("setItem", name + ":" + key, store.pending[key])));
  return store;
};
