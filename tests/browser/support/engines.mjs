// The engines that tests of delivery, leaving, storage and the journey run in: Chromium, and whichever of the others is installed. Where
// all are insisted on, one that is missing is an error.

import { accessSync, constants } from "node:fs";
import { join } from "node:path";

import { launch as chromium } from "./browser.mjs";

const FOLDERS = (process.env.PATH ?? "").split(":");

/** Where WebKitGTK's little browser may lie; distributions and versions differ. */
const LITTLE = ["x86_64-linux-gnu", "aarch64-linux-gnu", "."].flatMap((machine) =>
  ["webkit2gtk-4.1", "webkit2gtk-4.0", "webkitgtk-6.0"].map((version) => `/usr/lib/${machine}/${version}`),
);

const find = (names, folders = FOLDERS) =>
  names.flatMap((name) => folders.map((folder) => join(folder, name))).find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** name: where its programs lie, by the name that its driver knows them by; all of them must be there. */
const OTHERS = {
  firefox: { FIREFOX: process.env.FIREFOX ?? find(["firefox-esr", "firefox"]) },
  webkit: {
    WEBKIT_DRIVER: process.env.WEBKIT_DRIVER ?? find(["WebKitWebDriver"]),
    MINIBROWSER: process.env.MINIBROWSER ?? find(["MiniBrowser"], [...LITTLE, ...FOLDERS]),
    XVFB: find(["Xvfb"]),
  },
};

const present = async ([name, programs]) => {
  const missing = Object.keys(programs).filter((program) => !programs[program]);
  if (missing.length && process.env.TILLROLL_ALL_ENGINES) throw new Error(`${name} is not installed: there is no ${missing}`);
  if (missing.length) return [];
  Object.assign(process.env, programs);
  return [[name, (await import(`./engines/${name}.mjs`)).launch]];
};

/** name: a function that starts the engine. Pages of all of them can do what `Tab` can. */
export const ENGINES = Object.fromEntries([["chromium", chromium], ...(await Promise.all(Object.entries(OTHERS).map(present))).flat()]);
