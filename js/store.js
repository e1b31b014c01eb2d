// Keeps texts under keys where they survive the page: in IndexedDB, which keeps what it was given even when the browser is killed right
// after; in local storage where that is refused; in memory last. A write begins in the call that asks for it.

import { quietly } from "./quiet.js";

const NAME = "tillroll";
const PREFIX = NAME + ":";

const request = (asked, done, failed) => {
  asked.onsuccess = () => done(asked.result);
  asked.onerror = failed;
};

const indexed = (done, failed) => {
  const opening = indexedDB.open(NAME, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(NAME);
  opening.onblocked = failed;
  request(
    opening,
    (database) => {
      const use = (mode) => database.transaction(NAME, mode).objectStore(NAME);
      // Another tab may want to delete the database, as a visitor who clears the site's data does.
      database.onversionchange = () => database.close();
      done({
        keep: ([key, text]) => use("readwrite").put(text, key),
        forget: (keys) => {
          const store = use("readwrite");
          keys.forEach((key) => store.delete(key));
        },
        all: (tell) => {
          const store = use("readonly");
          request(store.getAllKeys(), (keys) => {
            request(store.getAll(), (texts) => tell(keys.flatMap((key, at) => [key, texts[at]])), () => tell([]));
          }, () => tell([]));
        },
      });
    },
    failed,
  );
};

const local = () => {
  const storage = localStorage;
  storage.length;
  return {
    keep: ([key, text]) => storage.setItem(PREFIX + key, text),
    forget: (keys) => keys.forEach((key) => storage.removeItem(PREFIX + key)),
    all: (tell) => {
      const keys = Object.keys(storage).filter((key) => key.startsWith(PREFIX)).sort();
      tell(keys.flatMap((key) => [key.slice(PREFIX.length), storage.getItem(key)]));
    },
  };
};

const nowhere = { keep() {}, forget() {}, all: (tell) => tell([]) };

/**
 * Returns the store of this page: `keep(key, text)`, `forget(keys)`, `all(tell)` and `wipe()`; `tell` gets keys and texts in turn, in the
 * order of the keys. Nothing is opened before it is used. Nothing here throws: what cannot be kept stays in the memory of whoever asked.
 */
export const openStore = () => {
  let store;
  let early;

  const settle = (opened) => {
    if (store) return;
    store = opened;
    early.splice(0).forEach((step) => use(...step));
  };
  const fall = () => settle(quietly(local) || nowhere);
  const open = () => {
    early = [];
    try {
      indexed(settle, fall);
    } catch (e) {
      fall();
    }
  };
  const use = (name, given) => {
    if (store) {
      try {
        store[name](given);
      } catch (e) {
        // Full, or closed under us: what was to be kept is in memory still and goes out from there.
        if (name === "all") given([]);
      }
    } else {
      if (!early) open();
      early.push([name, given]);
    }
  };

  return {
    keep: (key, text) => use("keep", [key, text]),
    forget: (keys) => use("forget", keys),
    all: (tell) => use("all", tell),
    wipe: () => {
      early = store = undefined;
      quietly(() => indexedDB.deleteDatabase(NAME));
      quietly(() => local().all((kept) => local().forget(kept)));
    },
  };
};
