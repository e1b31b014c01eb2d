// The visitor leaves a page: by script, by a link, by closing the tab, with or without returning. In every engine no event is lost or
// duplicated.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { PERSISTENT_SNIPPET } from "../support/documented-snippet.mjs";
import { ENGINES } from "../support/engines.mjs";
import { assertStoredOnce } from "../support/event-assertions.mjs";
import { delayedResponse, NO_RESPONSE } from "../support/faulty-proxy.mjs";
import { createFixture, PARALLEL, persistedCount, scriptTag } from "../support/fixture.mjs";
import { startSlowSocksProxy } from "../support/slow-socks-proxy.mjs";

const HOPS = 20;
const inline = (text) => `<script>${text}</script>`;

/** Returns a page that sends an event with its number and navigates to the next page, at once or in a callback of `waitFor`. */
const chain = (collector, waitFor = "") => (request) => {
  const at = Number(new URL(request.url, "http://shop").searchParams.get("at"));
  const next = at < HOPS ? `location.href = "?at=${at + 1}";` : "";
  const script = `metrilo.customEvent("hop ${at}"); ${next}`;
  return { body: scriptTag(collector) + inline(waitFor ? `${waitFor}(function () { ${script} })` : script) };
};

const pages = (collector) => ({
  "/": scriptTag(collector),
  "/next": scriptTag(collector),
  "/gone": "",
  "/elsewhere": "No tracker here.",
  "/link": scriptTag(collector) + `<a href="/next" onclick="metrilo.customEvent('clicked')">next</a>`,
  "/never": PERSISTENT_SNIPPET + inline(`metrilo.customEvent("1"); ometria.init("homepage"); metrilo.customEvent("2");`),
  "/at-once": chain(collector),
  "/when-ready": chain(collector, "tillroll.ready.then"),
  "/painted": scriptTag(collector) + inline(`
    var leave = function () {
      leave = function () {};
      metrilo.customEvent("painted");
      location.href = "/elsewhere";
    };
    requestAnimationFrame(function () { setTimeout(function () { leave(); }, 0); });
    // Firefox does not paint background tabs.
    setTimeout(function () { leave(); }, 1000);
  `),
  "/again": scriptTag(collector) + inline(`
    addEventListener("pageshow", function (event) { metrilo.customEvent(event.persisted ? "restored" : "loaded"); });
  `),
});

const whenReady = () => window.tillroll.ready.then(() => true);
const navigate = (path) => void (location.href = path);
const sendEvents = (names) => names.forEach((name) => window.metrilo.customEvent(name));
const sendAndNavigate = ([name, path]) => (window.metrilo.customEvent(name), void (location.href = path));
/** Runs in the page: returns why it did not come from the back/forward cache, if the browser reports a reason. */
const cacheMissReasons = () => JSON.stringify(performance.getEntriesByType("navigation")[0].notRestoredReasons ?? "no reason reported");
const hasEvent = (name) => (events) => events.some(({ params }) => params.name === name);
/** Delays the core's files long enough that a page which waits for them fails its test. */
const SLOW_CORE = delayedResponse(4_000);
const WITH_PROXY = { useProxy: true, allowedErrors: /Failed to load resource/ };
const HOP_NAMES = Array.from({ length: HOPS + 1 }, (_, at) => `hop ${at}`);

/** title: the options of the fixture, and the test. */
const CASES = {
  [`navigation right after a call, ${HOPS} times, before the core has loaded`]: [{}, (fixture) => followChain(fixture, "/at-once")],
  [`navigation right after a call, ${HOPS} times, with the core loaded`]: [{}, (fixture) => followChain(fixture, "/when-ready")],
  "a link whose click handler sends an event": [
    {},
    async ({ page, open, waitForEvents, allEvents }) => {
      await open("/link");
      await page.click("a");
      await waitForEvents(hasEvent("clicked"));
      await page.waitForURL(/next/);
      assertStoredOnce(await allEvents(), ["clicked"]);
    },
  ],
  "for another site, without return": [
    {},
    async ({ page, open, waitForEvents }) => {
      await open();
      await page.evaluate(whenReady);
      await page.evaluate(sendAndNavigate, ["gone", "/elsewhere"]);
      assertStoredOnce(await waitForEvents(hasEvent("gone")), ["gone"]);
    },
  ],
  "by closing the tab, without return": [
    {},
    async ({ page, open, waitForEvents }) => {
      const other = await page.context().newPage();
      await other.goto("about:blank");
      await open();
      await page.evaluate(whenReady);
      await waitForEvents((events) => events.length > 0);
      await page.evaluate(sendEvents, ["closed"]);
      await page.close();
      assertStoredOnce(await waitForEvents(hasEvent("closed")), ["closed"]);
    },
  ],
  "by closing the tab, with a later return": [
    {},
    async ({ page, url, open, allEvents }) => {
      const other = await page.context().newPage();
      await open();
      await page.evaluate(whenReady);
      await page.evaluate(sendEvents, ["closed"]);
      await page.evaluate(persistedCount);
      await page.close();
      await other.goto(`${url}/next`);
      assertStoredOnce(await allEvents(other), ["closed"]);
    },
  ],
  "by closing the tab before the core has loaded, with a later return": [
    WITH_PROXY,
    async ({ page, url, shop, proxy, open, allEvents, engine }) => {
      const other = await page.context().newPage();
      await open("/elsewhere");
      proxy.assetFault = SLOW_CORE;
      await page.evaluate(navigate, "/");
      await page.waitForFunction(() => window.tillroll);
      await page.evaluate(sendEvents, ["early 1", "early 2"]);
      // Firefox 153 aborts opening a database when its driver closes the tab.
      if (engine === "firefox") await page.evaluate(persistedCount);
      const pageHidden = shop.nextRequest("/gone");
      await page.evaluate(() => addEventListener("pagehide", () => navigator.sendBeacon("/gone")));
      await page.close();
      await pageHidden;
      proxy.assetFault = undefined;
      await other.goto(`${url}/next`);
      assertStoredOnce(await allEvents(other), ["early 1", "early 2"]);
    },
  ],
  "within 50 ms of the first paint, before the core has loaded, with a later return": [
    WITH_PROXY,
    async ({ page, proxy, open, allEvents }) => {
      await open("/next?");
      proxy.assetFault = SLOW_CORE;
      await page.evaluate(navigate, "/painted");
      await page.waitForURL(/elsewhere/);
      proxy.assetFault = undefined;
      await open("/next");
      assertStoredOnce(await allEvents(), ["painted"]);
    },
  ],
  "with the snippet and without the script": [
    {},
    async ({ url, open, allEvents }) => {
      await open("/never");
      await open("/next");
      const events = await allEvents();
      assertStoredOnce(events, ["1", "2"]);
      assert.deepEqual(events.map(({ type }) => type), ["land", "custom", "page_view", "custom"]);
      assert.ok(events.every(({ page }) => page.url === `${url}/never`));
    },
  ],
  "with a backlog of 100 KB": [
    WITH_PROXY,
    async ({ page, proxy, open, waitForEvents, allEvents }) => {
      const names = Array.from({ length: 15 }, (_, at) => `${at} ${"x".repeat(7_000)}`);
      await open();
      await page.evaluate(whenReady);
      await waitForEvents((events) => events.length > 0);
      proxy.fault = NO_RESPONSE;
      const batchReceived = proxy.nextBatch();
      await page.evaluate(sendEvents, names);
      await batchReceived;
      proxy.fault = undefined;
      await page.evaluate(navigate, "/next");
      await page.waitForURL(/next/);
      assertStoredOnce(await allEvents(), names);
      for (const { body } of proxy.batches) assert.ok(body.length < 60 * 1024, `a body of ${body.length} bytes`);
    },
  ],
  "and restored from the back/forward cache": [
    {},
    async ({ page, open, waitForEvents, allEvents }) => {
      await open("/again");
      const loadCount = (events) => events.filter(({ params }) => params.name === "loaded").length;
      const names = [];
      // A browser may evict a page from the cache. It has three attempts to keep one; evicted pages must not lose events either.
      for (let attempt = 1; ; attempt++) {
        assert.ok(attempt <= 3, `the browser reloaded the page each time: ${await page.evaluate(cacheMissReasons)}`);
        // Chromium evicts a page that is left while its lock request is pending, as soon as another page requests that lock.
        await waitForEvents((events) => loadCount(events) === attempt);
        names.push("loaded", `left ${attempt}`, `elsewhere ${attempt}`);
        await page.evaluate(sendAndNavigate, [`left ${attempt}`, "/next"]);
        await page.waitForURL(/next/);
        await page.evaluate(whenReady);
        await page.evaluate(sendEvents, [`elsewhere ${attempt}`]);
        await page.evaluate(() => void history.back());
        if (hasEvent("restored")(await waitForEvents((events) => hasEvent("restored")(events) || loadCount(events) > attempt))) break;
      }
      await page.evaluate(sendEvents, ["after"]);
      const events = await allEvents();
      assert.deepEqual(events.flatMap(({ params }) => params.name ?? []).sort(), [...names, "restored", "after"].sort());
      assert.equal(events.filter(({ type }) => type === "land").length, 1, "one session has one landing");
    },
  ],
};

/** Follows the chain of pages to the last one, which then reports all events. */
const followChain = async ({ page, open, waitForEvents, allEvents }, path) => {
  await open("/elsewhere");
  await page.evaluate(navigate, `${path}?at=0`);
  await waitForEvents(hasEvent(HOP_NAMES.at(-1)), 60_000);
  assertStoredOnce(await allEvents(), HOP_NAMES);
};

/** Cases that an engine cannot pass: Firefox 153 sometimes sends nothing when its driver closes the tab within milliseconds of the call. */
const EXCLUDED = { firefox: ["by closing the tab, without return"] };

for (const [name, engine] of Object.entries(ENGINES)) {
  describe(`${name}, when a page is left no event is lost or duplicated`, PARALLEL, () => {
    const withPage = createFixture({ engine });
    for (const [title, [options, act]] of Object.entries(CASES)) {
      if (!EXCLUDED[name]?.includes(title)) test(title, () => withPage(pages, (fixture) => act({ ...fixture, engine: name }), options));
    }
  });
}

describe("when a page is left while connections take 300 ms to open, no event is lost or duplicated", PARALLEL, () => {
  const withPage = createFixture();
  let slowProxy;
  before(async () => (slowProxy = await startSlowSocksProxy(300)));
  after(() => slowProxy.close());
  for (const path of ["/at-once", "/when-ready"]) {
    test(`navigation right after a call, ${HOPS} times, ${path.slice(1)}`, () =>
      withPage(pages, (fixture) => followChain(fixture, path), { context: { proxy: { server: slowProxy.url } } }));
  }
});
