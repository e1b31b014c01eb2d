// Plays a scenario in Chromium against one build, and returns the exported events in a form that compares between builds.

import { openPage } from "../browser/support/browser.mjs";
import { FaultyProxy, respondWith } from "../browser/support/faulty-proxy.mjs";
import { scriptTag } from "../browser/support/fixture.mjs";
import { startShop } from "../browser/support/shop-server.mjs";

/** Runs in the page: makes the calls of a step in one task, each in a millisecond of its own, so that times give their order. */
const makeCalls = (calls) => {
  for (const [vendor, name, args] of calls) {
    for (const time = Date.now(); Date.now() < time + 2; );
    window[vendor][name](...args);
  }
};

/** Runs in the page: returns when everything was acknowledged or is waiting for a retry. */
const settle = () => window.tillroll.ready.then(() => window.tillroll.flush()).then(() => true);

const inlineCalls = (calls) => `<script>(${makeCalls})(${JSON.stringify(calls)})</script>`;

/** Plays `steps` for a new visitor. */
export const play = async (browser, collector, steps) => {
  const proxy = await FaultyProxy.start(collector.url);
  const shop = await startShop(new Proxy({}, { get: (_, path) => (path in pages ? pages[path] : scriptTag(proxy.url)) }));
  const pages = {};
  const first = await openPage(browser);
  const tabs = [first];
  const errors = [];
  first.context().on("page", (page) => page.on("pageerror", (error) => errors.push(String(error))));
  try {
    for (const step of steps) {
      const page = (tabs[step.tab] ??= await first.context().newPage());
      if (step.open) {
        pages[step.open.split(/[?#]/)[0]] = scriptTag(proxy.url) + inlineCalls(step.calls);
        // A new address each time, so that an address with a fragment loads a page too.
        await page.goto("about:blank");
        await page.goto(shop.url + step.open);
      } else if (step.calls) await page.evaluate(makeCalls, step.calls);
      else if (step.consent) await page.evaluate((word) => window.tillroll.consent(word), step.consent);
      else if (step.reset) await page.evaluate(() => window.tillroll.reset());
      else if (step.fail) proxy.nextFaults.push(respondWith(step.fail, { "retry-after": "1" }));
      if (page.url() !== "about:blank") await page.evaluate(settle);
    }
    const events = await storedEvents(collector, tabs, shop);
    return { events: comparable(events, shop.url), errors: [...errors, ...first.errors.filter((text) => !/Failed to load resource/.test(text))] };
  } finally {
    await first.context().close();
    await proxy.close();
    await shop.close();
  }
};

/** Each tab makes a last call; when all are stored, so are the earlier calls. */
const storedEvents = async (collector, tabs, shop) => {
  const ofShop = (events) => events.filter((event) => event.page.url.startsWith(shop.url));
  const names = Object.keys(tabs).map((tab) => `last call of tab ${tab}`);
  for (const [tab, name] of names.entries())
    await tabs[tab].evaluate((name) => {
      window.tillroll.consent("granted");
      window.metrilo.customEvent(name);
      void window.tillroll.flush();
    }, name);
  const isStored = (events) => (name) => events.some((event) => event.params.name === name);
  return ofShop(await collector.waitForEvents((events) => names.every(isStored(ofShop(events))), 40_000));
};

/** A landing has the time of the call that starts the session; chance decides the order of their ids. */
const isLater = ({ type }) => type !== "land";

/** Replaces what chance and the clock decide: ids by their order of appearance, the shop's port, and times by the order of the events. */
const comparable = (events, url) => {
  const seen = new Map();
  const index = (kind, id) => id && (seen.has(id) ? seen : seen.set(id, `${kind} ${seen.size}`)).get(id);
  return events
    .toSorted((a, b) => a.time - b.time || isLater(a) - isLater(b) || (a.id < b.id ? -1 : 1))
    .map(({ type, api, visitor_id, email, session_id, store_id, page, params }) => ({
      type, api, email, store_id, page, params, visitor: index("visitor", visitor_id), session: index("session", session_id),
    }))
    .map((event) => JSON.parse(JSON.stringify(event).replaceAll(url, "shop:")));
};
