// The event store: persists texts under keys in IndexedDB, which keeps a write even if the browser is killed right after it. A write starts
// within the call that requests it, and all writes of a task share one transaction. What only the core needs is in complete-store.js: reading,
// deleting, and the fallback if IndexedDB is unavailable.

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
 * local storage. `put(key, text)` persists a text; `run(operation)` passes the object store to `operation` once
 * the database is open, in the transaction of this task; `pending` has the texts that are not persisted yet. Texts that are not persisted when
 * the page closes go to local storage, for the next page. The database is opened on first use; `opening` is that request. If
 * it fails, the core sets with `use(run)` what runs operations instead. No function throws.
 */
export const createEventStore = (name) => {
  /** Runs an operation in the open database or in the fallback. */
  let runNow;
  /** Operations that wait for the database; undefined until the first one. */
  let waiting;

  const openDb = () => {
    const opening = (store.opening = window.indexedDB.open(name, 1));
    opening.onupgradeneeded = () => opening.result.createObjectStore(name);
    opening.onsuccess = () => {
      const db = opening.result;
      /** The object store of the transaction that the operations of this task share. */
      let shared;
      // Another tab may delete the database, for example when consent is denied there: later writes go to a new one.
      db.onclose = db.onversionchange = () => {
        db.close();
        waiting = runNow = undefined;
      };
      store.use((operation) => {
        if (!shared) {
          const transaction = db.transaction(name, "readwrite");
          shared = transaction.objectStore(name);
          // Commits at the end of the task: otherwise the transaction commits only after its success events, and aborts if the page closes
          // before them.
          Promise.resolve().then(() => (shared = transaction.commit && transaction.commit()));
        }
        operation(shared);
      });
    };
  };

  const store = {
    name,
    /** Texts that are not persisted yet: the page may close before the database is open, or the database may be full. */
    pending: {},
    run: (operation) => {
      // If the database is full or closed, the text stays in `pending` and in the core's queue, and is sent from there.
      if (runNow) tryCall(runNow, operation);
      else if (waiting) waiting.push(operation);
      else {
        waiting = [operation];
        tryCall(openDb);
      }
    },
    put: (key, text) => {
      const { pending } = store;
      pending[key] = text;
      store.run((objects) => {
        objects.put(text, key);
        objects.transaction.addEventListener("complete", () => pending[key] === text && delete pending[key]);
      });
    },
    use: (run) => {
      if (runNow || !waiting) return;
      runNow = run;
      waiting.splice(0).forEach(store.run);
    },
  };
  listen("pagehide", () => Object.keys(store.pending).forEach((key) => useLocal("setItem", name + ":" + key, store.pending[key])));
  return store;
};
