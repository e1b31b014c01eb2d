// A real Chromium with an empty profile, and what its pages complained of.

import { chromium } from "playwright-core";

/** What every Chromium of the tests is started with. */
export const ARGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Playwright turns off what keeps a page that was left for the way back to it; shops' browsers have it. */
const BACK_AND_FORWARD = "--disable-back-forward-cache";

/** Starts the browser, with `more` on its command line; `$CHROMIUM` names another one. */
export const launch = (more = []) =>
  chromium.launch({
    executablePath: CHROMIUM,
    args: [...ARGS, ...more],
    ignoreDefaultArgs: [BACK_AND_FORWARD],
  });

/** Opens a page of a visitor of their own; `page.complaints` gathers every error that reached the page. */
export const visit = async (browser, options = {}) => {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && page.complaints.push(message.text()));
  return page;
};
