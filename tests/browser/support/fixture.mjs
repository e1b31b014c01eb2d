// The fixture of most browser tests: one browser and one collector for all tests of a file, and for each test a shop and a new visitor.

import { after, before } from "node:test";

import { launch, openPage } from "./browser.mjs";
import { Collector, TOKEN } from "./collector.mjs";
import { FaultyProxy } from "./faulty-proxy.mjs";
import { startShop } from "./shop-server.mjs";

/** Options of a `describe` whose tests may run in parallel: they mostly wait for pages and for the disk, and share no shop or visitor. */
export const PARALLEL = { concurrency: 4 };

/** Returns the fields of an event that depend only on the call. */
export const callFields = ({ type, api, params }) => ({ type, api, params });

/** Returns the documented script tag of the library. */
export const scriptTag = (url, attributes = "") => `<script type="text/javascript" src="${url}/tracking.js?token=${TOKEN}" ${attributes}></script>`;

/**
 * Runs in the page: waits until earlier calls are written to IndexedDB, and returns the number of stored entries. IndexedDB runs transactions
 * in the order of their creation, so earlier writes are included.
 */
export const persistedCount = () =>
  new Promise((resolve, reject) => {
    const opening = indexedDB.open("tillroll-sh0p-t0k3n");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const counting = opening.result.transaction("tillroll-sh0p-t0k3n").objectStore("tillroll-sh0p-t0k3n").count();
      counting.onsuccess = () => (opening.result.close(), resolve(counting.result));
    };
  });

/**
 * Sets up a file of tests. Returns `withPage(pages, act, options)`, which serves `pages(collectorUrl)`, opens a page for a new visitor, and
 * calls `act({ page, url, shop, collector, proxy, open, waitForEvents, allEvents })`. Afterwards it fails if `page.errors` has an error that
 * does not match `allowedErrors`, a pattern for errors that the browser itself prints. `useProxy` puts a `FaultyProxy` of this test between
 * page and collector.
 */
export const createFixture = ({ flags = [], browserFlags = [], engine = launch } = {}) => {
  let browser;
  let collector;
  before(async () => {
    browser = await engine(browserFlags);
    collector = await Collector.start(flags);
  });
  after(async () => {
    await browser?.close();
    await collector?.close();
  });
  return async (pages, act, { context = {}, host = "127.0.0.1", useProxy = false, allowedErrors } = {}) => {
    const page = await openPage(browser, context);
    const proxy = useProxy ? await FaultyProxy.start(collector.url) : undefined;
    const shop = await startShop(pages((proxy ?? collector).url));
    const url = shop.url.replace("127.0.0.1", host);
    const { waitForEvents, allEvents } = await readEventsOf(collector, url, page);
    try {
      await act({ page, url, collector, proxy, shop, waitForEvents, allEvents, open: (path = "/") => page.goto(url + path) });
      const errors = page.errors.filter((text) => !allowedErrors?.test(text));
      if (errors.length) throw new Error(`the page has errors: ${errors.join("\n")}`);
    } finally {
      // A resource that fails to close must not keep the others open, or the process would not end.
      await page.context().close().finally(() => proxy?.close()).finally(() => shop.close());
    }
  };
};

/** Returns `{ waitForEvents, allEvents }`, which read the stored events of the shop at `url`. */
export const readEventsOf = async (collector, url, page) => {
  // A shop of an earlier test may have used the same port.
  const earlier = new Set((await collector.events()).map((event) => event.id));
  const ofShop = (events) => events.filter((event) => !earlier.has(event.id) && event.page.url.startsWith(url));
  /** Waits until `isEnough(events)` holds for the shop's stored events; returns them. */
  const waitForEvents = async (isEnough, timeoutMs) => ofShop(await collector.waitForEvents((events) => isEnough(ofShop(events)), timeoutMs));
  /** Sends a marker event from `from` and waits until it is stored, and with it all earlier calls. Returns the events without markers. */
  const allEvents = async (from = page, timeoutMs = undefined) => {
    const name = `marker ${crypto.randomUUID()}`;
    await from.evaluate((name) => (window.metrilo.customEvent(name), void window.tillroll.flush()), name);
    const events = await waitForEvents((events) => events.some((event) => event.params.name === name), timeoutMs);
    return events.filter((event) => !String(event.params.name).startsWith("marker "));
  };
  return { waitForEvents, allEvents };
};
