// One browser and one collector for the tests of a file; a shop and a visitor of their own for each test.

import { after, before } from "node:test";

import { launch, visit } from "./browser.mjs";
import { Collector, TOKEN } from "./collector.mjs";
import { openShop } from "./shop.mjs";

/** Tests of a file wait for pages and for the disk most of the time, and each has a shop and a visitor of its own. */
export const AT_ONCE = { concurrency: 4 };

/** What a test asserts of an event where only the call counts. */
export const brief = ({ type, api, params }) => ({ type, api, params });

/** The script tag as the guide has it. */
export const scriptTag = (url, attributes = "") => `<script type="text/javascript" src="${url}/tracking.js?token=${TOKEN}" ${attributes}></script>`;

/**
 * Prepares a file of tests. Returns `play(pages, act, options)`: serves `pages(collectorUrl)`, opens a page of a new visitor, and calls
 * `act({ page, shop, collector, open, stored, told })`; afterwards the page has complained of nothing.
 */
export const stage = ({ flags = [], browserFlags = [] } = {}) => {
  let browser;
  let collector;
  before(async () => {
    browser = await launch(browserFlags);
    collector = await Collector.start(flags);
  });
  after(async () => {
    await browser?.close();
    await collector?.close();
  });
  return async (pages, act, { context = {}, host = "127.0.0.1" } = {}) => {
    const shop = await openShop(pages(collector.url));
    const url = shop.url.replace("127.0.0.1", host);
    const page = await visit(browser, context);
    // A shop of an earlier test may have had the same port.
    const earlier = new Set((await collector.events()).map((event) => event.id));
    const ours = (events) => events.filter((event) => !earlier.has(event.id) && event.page.url.startsWith(url));
    /** Waits until the shop's stored events satisfy `enough`; returns them. */
    const stored = async (enough) => ours(await collector.until((events) => enough(ours(events))));
    /** Calls a marker on the page and waits for it: what was called before is stored by then. Returns the events without markers. */
    const told = async (from = page) => {
      const name = `marker ${crypto.randomUUID()}`;
      await from.evaluate((name) => (window.metrilo.customEvent(name), void window.tillroll.flush()), name);
      const events = await stored((events) => events.some((event) => event.params.name === name));
      return events.filter((event) => !String(event.params.name).startsWith("marker "));
    };
    try {
      await act({ page, url, collector, shop, stored, told, open: (path = "/") => page.goto(url + path) });
      if (page.complaints.length) throw new Error(`the page complained: ${page.complaints.join("\n")}`);
    } finally {
      await page.context().close();
      await shop.close();
    }
  };
};
