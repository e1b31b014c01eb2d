// Keeps texts under keys where they survive the page: in IndexedDB, which keeps what it was given even when the browser is killed right
// after; where that is refused, in what the core brings along, see spare.js. A write begins in the call that asks for it.

import { quietly } from "./quiet.js";

const NAME = "tillroll";

/** What local storage keeps for us has names that begin so. */
export const PREFIX = "tillroll:";

/**
 * What a call in a vendor's own words has in it, which js/facades/spoken.js understands and nobody else: as its type, where the page
 * recorded it, or in front of its key, where the inline snippet noted it.
 */
export const SPOKEN = PREFIX;

/** How long the browser may take to open a database, or to read it, in milliseconds. */
const PATIENCE = 2000;

const request = (asked, done, failed) => {
  asked.onsuccess = () => done(asked.result);
  asked.onerror = failed;
};

const indexed = (done, failed, lost) => {
  const opening = indexedDB.open(NAME, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(NAME);
  opening.onblocked = failed;
  request(
    opening,
    (database) => {
      // Committed at once: left to itself, a transaction waits to hear of its writes, and dies with the page that is being left.
      const write = (steps, done) => {
        const transaction = database.transaction(NAME, "readwrite");
        transaction.oncomplete = done;
        steps(transaction.objectStore(NAME));
        if (transaction.commit) transaction.commit();
      };
      // Another tab may want to delete the database, as a visitor does who clears the site's data: what comes next goes into a new one.
      database.onclose = database.onversionchange = () => {
        database.close();
        lost();
      };
      done({
        keep: ([key, text, done]) => write((store) => store.put(text, key), done),
        forget: (keys) => write((store) => keys.forEach((key) => store.delete(key)), null),
        all: (tell) => {
          const store = database.transaction(NAME, "readonly").objectStore(NAME);
          request(store.getAllKeys(), (keys) => {
            request(store.getAll(), (texts) => tell(keys.flatMap((key, at) => [key, texts[at]])), () => tell());
          }, () => tell());
        },
      });
    },
    failed,
  );
};

/**
 * Returns the store of this page: `keep(key, text)`, `forget(keys)`, `all(tell)` and `wipe()`; `tell` gets keys and texts in turn, in the
 * order of the keys. `lend(other)` gives what keeps texts where IndexedDB is refused; until then they stay in memory, and `all` is not asked
 * before. What is not kept when the page goes waits in local storage for the next one. Nothing is opened before it is used, and nothing
 * here throws.
 */
export const openStore = () => {
  /** What is not known to be kept yet: the page may go before the database has opened, and a database may be full. */
  const pending = new Map();
  let store;
  let spare;
  let early;

  addEventListener("pagehide", () => pending.forEach((text, key) => quietly(() => localStorage.setItem(PREFIX + key, text))));

  const settle = (opened) => {
    if (store || !early || !opened) return;
    store = opened;
    early.splice(0).forEach((step) => use(...step));
  };
  const fall = () => {
    if (early) early.refused = true;
    settle(spare);
  };
  const lose = () => {
    early = store = undefined;
  };
  const use = (name, given) => {
    if (store) {
      // Full, or closed under us: what was to be kept is in memory still and goes out from there.
      if (!quietly(() => (store[name](given), true)) && name === "all") given();
      return;
    }
    if (!early) {
      early = [];
      if (!quietly(() => (indexed(settle, fall, lose), true))) fall();
      // A browser that never answers refuses too.
      setTimeout(fall, PATIENCE);
    }
    early.push([name, given]);
  };

  const keep = (key, text) => {
    pending.set(key, text);
    use("keep", [key, text, () => pending.get(key) === text && pending.delete(key)]);
  };

  /** What pages could only leave in local storage while they went comes to the rest. */
  const gather = (left) => {
    const keys = left.filter((_, at) => at % 2 === 0);
    keys.forEach((key, at) => keep(key, left[at * 2 + 1]));
    spare.forget(keys);
  };

  return {
    keep,
    forget: (keys) => {
      keys.forEach((key) => pending.delete(key));
      use("forget", keys);
    },
    all: (tell) => {
      let waits = true;
      const answer = (kept) => {
        if (waits) tell(kept || [...pending].sort().flat());
        waits = false;
      };
      if (store !== spare) spare.all(gather);
      // WebKit 2.50 may put a page that is left into its cache with a write under way, and nobody else reads until that page is gone.
      setTimeout(answer, PATIENCE);
      use("all", answer);
    },
    wipe: () => {
      pending.clear();
      lose();
      quietly(() => indexedDB.deleteDatabase(NAME));
      if (spare) spare.wipe();
    },
    lend: (other) => {
      spare = other;
      if (early && early.refused) settle(other);
    },
  };
};
