// The browser engines of the tests that run in all of them: Chromium, and Firefox and WebKit where they are installed. With the environment
// variable TILLROLL_ALL_ENGINES a missing engine is an error.

import { accessSync, constants } from "node:fs";
import { join } from "node:path";

import { launch as launchChromium } from "./browser.mjs";

const PATH_FOLDERS = (process.env.PATH ?? "").split(":");

/** The folders in which distributions install WebKitGTK's MiniBrowser. */
const MINIBROWSER_FOLDERS = ["x86_64-linux-gnu", "aarch64-linux-gnu", "."].flatMap((machine) =>
  ["webkit2gtk-4.1", "webkit2gtk-4.0", "webkitgtk-6.0"].map((version) => `/usr/lib/${machine}/${version}`),
);

const findExecutable = (names, folders = PATH_FOLDERS) =>
  names.flatMap((name) => folders.map((folder) => join(folder, name))).find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** engine: the paths of the programs that it needs, by the environment variable from which its driver reads them. */
const OPTIONAL_ENGINES = {
  firefox: { FIREFOX: process.env.FIREFOX ?? findExecutable(["firefox-esr", "firefox"]) },
  webkit: {
    WEBKIT_DRIVER: process.env.WEBKIT_DRIVER ?? findExecutable(["WebKitWebDriver"]),
    MINIBROWSER: process.env.MINIBROWSER ?? findExecutable(["MiniBrowser"], [...MINIBROWSER_FOLDERS, ...PATH_FOLDERS]),
    XVFB: findExecutable(["Xvfb"]),
  },
};

const loadIfInstalled = async ([name, programs]) => {
  const missing = Object.keys(programs).filter((program) => !programs[program]);
  if (missing.length && process.env.TILLROLL_ALL_ENGINES) throw new Error(`${name} is not installed: ${missing} was not found`);
  if (missing.length) return [];
  Object.assign(process.env, programs);
  return [[name, (await import(`./engines/${name}.mjs`)).launch]];
};

/** engine: the function that starts it. Pages of every engine have at least the methods of `Tab`. */
export const ENGINES = Object.fromEntries([
  ["chromium", launchChromium],
  ...(await Promise.all(Object.entries(OPTIONAL_ENGINES).map(loadIfInstalled))).flat(),
]);
