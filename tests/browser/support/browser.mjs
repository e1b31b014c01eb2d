// Chromium with an empty profile, driven by Playwright, and pages that collect their errors.

import { chromium } from "playwright-core";

/** The command line of every Chromium that the tests start. */
export const CHROMIUM_ARGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The path of the browser; the environment variable `CHROMIUM` overrides the default. */
export const CHROMIUM_PATH = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Playwright disables the back/forward cache by this flag. Browsers of real visitors have that cache. */
const PLAYWRIGHT_CACHE_FLAG = "--disable-back-forward-cache";

/** Starts Chromium with `extraArgs` added to its command line. */
export const launch = (extraArgs = []) =>
  chromium.launch({
    executablePath: CHROMIUM_PATH,
    args: [...CHROMIUM_ARGS, ...extraArgs],
    ignoreDefaultArgs: [PLAYWRIGHT_CACHE_FLAG],
  });

/** Opens a page in a new context, as a new visitor has it. `page.errors` collects uncaught exceptions and console errors as strings. */
export const openPage = async (browser, options = {}) => {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.errors = [];
  page.on("pageerror", (error) => page.errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && page.errors.push(message.text()));
  return page;
};
