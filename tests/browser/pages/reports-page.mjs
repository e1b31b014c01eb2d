// The pages of the owner in a browser, for the tests about them: opens one as the owner, and reads tables and figures of the reports.

import assert from "node:assert/strict";

import { openPage } from "../support/browser.mjs";
import { SECRET, TOKEN } from "../support/collector.mjs";

/** An owner at a desk, and one with a phone. A collector with `--demo` needs no credentials. */
export const OWNER = { locale: "en-GB", viewport: { width: 1280, height: 900 }, httpCredentials: { username: TOKEN, password: SECRET } };
export const PHONE = { ...OWNER, viewport: { width: 375, height: 740 }, isMobile: true, hasTouch: true };

/** Waits until the page shows what it has loaded. */
export const waitUntilLoaded = (page) => page.waitForSelector("main[aria-busy=false]");

/** Opens a page of the owner at `url` and calls `act` with the loaded page; then asserts that the page logged no error. */
export const withOwnerPage = async (browser, url, act, options = OWNER) => {
  const page = await openPage(browser, options);
  try {
    await page.goto(url);
    await waitUntilLoaded(page);
    await act(page);
    assert.deepEqual(page.errors, []);
  } finally {
    await page.context().close();
  }
};

/** Returns the rows of a widget's table, as texts. */
export const rows = (page, id) =>
  page.$$eval(`#${id} .scroller tbody tr`, (rows) => rows.map((row) => [...row.children].map((cell) => (cell.firstElementChild ?? cell).textContent)));

/** Returns the figures of the summary by their titles. */
export const tiles = async (page) =>
  Object.fromEntries(await page.$$eval("#summary dl > div", (tiles) => tiles.map((tile) => [tile.children[0].textContent, tile.children[1].textContent])));

/** Returns by how many pixels the page is wider than the window. */
export const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
