// One browser and one collector for the tests of a file; a shop and a visitor of their own for each test.

import { after, before } from "node:test";

import { launch, visit } from "./browser.mjs";
import { Collector, TOKEN } from "./collector.mjs";
import { FaultyProxy } from "./faulty-proxy.mjs";
import { openShop } from "./shop-server.mjs";

/** Tests of a file wait for pages and for the disk most of the time, and each has a shop and a visitor of its own. */
export const AT_ONCE = { concurrency: 4 };

/** What a test asserts of an event where only the call counts. */
export const brief = ({ type, api, params }) => ({ type, api, params });

/** The script tag as the guide has it. */
export const scriptTag = (url, attributes = "") => `<script type="text/javascript" src="${url}/tracking.js?token=${TOKEN}" ${attributes}></script>`;

/**
 * In the page: waits for what it has called to be written, and returns how much is kept. The database opens and reads in the order in which
 * it was asked, so what was called before is there.
 */
export const written = () =>
  new Promise((resolve, reject) => {
    const opening = indexedDB.open("tillroll");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const counting = opening.result.transaction("tillroll").objectStore("tillroll").count();
      counting.onsuccess = () => (opening.result.close(), resolve(counting.result));
    };
  });

/**
 * Prepares a file of tests. Returns `play(pages, act, options)`: serves `pages(collectorUrl)`, opens a page of a new visitor, and calls
 * `act({ page, url, shop, collector, proxy, open, stored, told })`; afterwards the page has complained of nothing but what `prints` matches,
 * which is what the browser itself prints. `proxied` puts a proxy with faults, that of this test alone, between pages and collector.
 */
export const stage = ({ flags = [], browserFlags = [], engine = launch } = {}) => {
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
  return async (pages, act, { context = {}, host = "127.0.0.1", proxied = false, prints } = {}) => {
    const page = await visit(browser, context);
    const proxy = proxied ? await FaultyProxy.start(collector.url) : undefined;
    const shop = await openShop(pages((proxy ?? collector).url));
    const url = shop.url.replace("127.0.0.1", host);
    const { stored, told } = await witness(collector, url, page);
    try {
      await act({ page, url, collector, proxy, shop, stored, told, open: (path = "/") => page.goto(url + path) });
      const complaints = page.complaints.filter((text) => !prints?.test(text));
      if (complaints.length) throw new Error(`the page complained: ${complaints.join("\n")}`);
    } finally {
      // One that cannot be closed must not keep the others open, and the process with them.
      await page.context().close().finally(() => proxy?.close()).finally(() => shop.close());
    }
  };
};

/** Returns `{ stored, told }`, which say what `collector` has of the shop at `url`. */
export const witness = async (collector, url, page) => {
  // A shop of an earlier test may have had the same port.
  const earlier = new Set((await collector.events()).map((event) => event.id));
  const ours = (events) => events.filter((event) => !earlier.has(event.id) && event.page.url.startsWith(url));
  /** Waits until the shop's stored events satisfy `enough`; returns them. */
  const stored = async (enough, patience) => ours(await collector.until((events) => enough(ours(events)), patience));
  /** Calls a marker on the page and waits for it: what was called before is stored by then. Returns the events without markers. */
  const told = async (from = page, patience = undefined) => {
    const name = `marker ${crypto.randomUUID()}`;
    await from.evaluate((name) => (window.metrilo.customEvent(name), void window.tillroll.flush()), name);
    const events = await stored((events) => events.some((event) => event.params.name === name), patience);
    return events.filter((event) => !String(event.params.name).startsWith("marker "));
  };
  return { stored, told };
};
