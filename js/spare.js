// Where texts are kept when IndexedDB is refused: in local storage, one key each; in memory alone where that is refused too. It arrives with
// the core: few pages need it.

import { quietly } from "./quiet.js";
import { PREFIX } from "./store.js";

const names = (storage) => Object.keys(storage).filter((key) => key.startsWith(PREFIX)).sort();

const local = (storage) => ({
  keep: ([key, text, done]) => {
    storage.setItem(PREFIX + key, text);
    done();
  },
  forget: (keys) => keys.forEach((key) => storage.removeItem(PREFIX + key)),
  all: (tell) => tell(names(storage).flatMap((key) => [key.slice(PREFIX.length), storage.getItem(key)])),
  wipe: () => quietly(() => names(storage).forEach((key) => storage.removeItem(key))),
});

const nowhere = { keep() {}, forget() {}, all: (tell) => tell([]), wipe() {} };

/** Returns the store that this browser allows; its functions are those of store.js. */
export const openSpare = () => quietly(() => local(localStorage)) || nowhere;
