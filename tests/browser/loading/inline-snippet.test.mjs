// The inline snippet, with a library script that loads late or never. Calls made meanwhile are stored once, with their own time and page, by
// that page or by a later one, at whatever moment the visitor leaves the page.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ChromiumProfile } from "../support/chromium-profile.mjs";
import { MEMORY_SNIPPET, PERSISTENT_SNIPPET } from "../support/documented-snippet.mjs";
import { assertStoredOnce } from "../support/event-assertions.mjs";
import { createFixture, PARALLEL, scriptTag } from "../support/fixture.mjs";
import { PROTOTYPE_JS } from "../support/prototype-js.mjs";

const withPage = createFixture();

const inline = (text) => `<script>${text}</script>`;
const LOAD_ERRORS = { allowedErrors: /Failed to load resource/ };

const CALLS = `
  metrilo.viewProduct(7);
  ometria.identify("johny@x.com");
  ometria.init("product", { pid: 7 }, "uk");
  var basket = new ometria.Basket();
  basket.setTotal("12.00", "GBP");
  basket.addLineItem("7", 2, 6);
  ometria.setBasket(basket);
  metrilo.event("checkout_start", []);
  ometria.trackTransaction("1001");
  metrilo.customEvent("last");
`;
const CALLED = [
  ["product_view", "metrilo"],
  ["product_view", "ometria"],
  ["identify", "ometria"],
  ["basket_update", "ometria"],
  ["checkout", "metrilo-v1"],
  ["order", "ometria"],
  ["custom", "metrilo"],
];
const LANDING = ["land", "tillroll"];

const typesAndApis = (events) => events.map(({ type, api }) => [type, api]);
const isSame = (events, field) => new Set(events.map((event) => event[field])).size === 1;
const assertUniqueIds = (events) => assert.equal(new Set(events.map(({ id }) => id)).size, events.length);

const pages = (calls = CALLS, { snippet = PERSISTENT_SNIPPET, attributes = "" } = {}) => (collector) => ({
  "/": snippet + scriptTag(collector, `async ${attributes}`) + inline(calls),
  "/next": snippet + scriptTag(collector, `async ${attributes}`),
  "/plain": scriptTag(collector, attributes),
  "/elsewhere": "",
});

/** Blocks requests of files that match `pattern`; returns `release()`, which lets them through. */
const block = async (page, collector, pattern) => {
  let release;
  const unblocked = new Promise((resolve) => (release = resolve));
  await page.route(`${collector.url}/${pattern}`, async (route) => (await unblocked, route.fallback()));
  return release;
};
const abort = (page, collector, pattern) => page.route(`${collector.url}/${pattern}`, (route) => route.abort());

const SCRIPT = "tracking.js*";
const CORE = "assets/core-*.wasm";
const REPLAY_MODULE = "assets/replay-*";

const whenReady = () => window.tillroll.ready.then(() => true);
const waitForLibrary = (page) => page.waitForFunction(() => window.tillroll?.version);
const navigate = (path) => void (location.href = path);
/** Runs in the page: returns the number of calls that the snippet has in local storage. */
const snippetCallCount = () => Object.keys(localStorage).filter((key) => key.startsWith("tillroll:")).length;

describe("an async script after the snippet", PARALLEL, () => {
  test("loads late: the objects stay the same, and no call is lost or duplicated", () =>
    withPage(pages(), async ({ page, collector, waitForEvents, allEvents, url }) => {
      const release = await block(page, collector, SCRIPT);
      await page.goto(`${url}/`, { waitUntil: "commit" });
      await page.waitForFunction(() => window.tillroll?.length === 7);
      const before = await page.evaluate(() => {
        Object.assign(window, { snippetObjects: [window.metrilo, window.ometria], basket: new window.ometria.Basket() });
        window.basket.addLineItem("8", 1, 5);
        return [window.ometria.basket.size, Date.now()];
      });
      await page.waitForFunction((then) => Date.now() > then + 100, before[1]);
      release();
      await waitForLibrary(page);
      await page.evaluate(() => {
        window.metrilo.viewCategory(1);
        window.basket.addLineItem("9", 3, 5);
        window.ometria.setBasket(window.basket);
      });
      // The snippet recorded the page view. Calls of the script's objects wait until it is replayed.
      await waitForEvents((events) => events.filter(({ type }) => type === "basket_update").length === 2);
      const events = await allEvents();
      assert.deepEqual(typesAndApis(events), [LANDING, ...CALLED, ["category_view", "metrilo"], ["basket_update", "ometria"]]);
      assertUniqueIds(events);
      assert.ok(isSame(events, "session_id") && isSame(events, "email"));
      assert.ok(events.slice(1, 1 + CALLED.length).every(({ time, page }) => time <= before[1] && page.url === `${url}/`));
      assert.deepEqual(events.at(-1).params.lines.map(({ product_id, quantity }) => [product_id, quantity]), [["8", 1], ["9", 3]]);
      const same = await page.evaluate(() => window.snippetObjects[0] === window.metrilo && window.snippetObjects[1] === window.ometria && window.ometria.basket.size);
      assert.deepEqual([before[0], same], [0, 4]);
      assert.equal(await page.evaluate(snippetCallCount), 0);
    }));

  test("never loads: the next page with the script sends the events, and the landing is that of the first page", () =>
    withPage(
      pages(),
      async ({ page, open, collector, allEvents, url }) => {
        await abort(page, collector, SCRIPT);
        await open();
        const leftAt = await page.evaluate(() => Date.now());
        await page.unroute(`${collector.url}/${SCRIPT}`);
        await open("/plain");
        const events = await allEvents();
        assert.deepEqual(typesAndApis(events), [LANDING, ...CALLED]);
        assert.ok(events.every(({ time, page }) => time <= leftAt && page.url === `${url}/` && page.title === "Shop"));
        assert.ok(isSame(events, "session_id") && isSame(events, "email"));
        await open("/next");
        assert.deepEqual(typesAndApis(await allEvents()), [LANDING, ...CALLED]);
        assert.equal(await page.evaluate(snippetCallCount), 0);
      },
      LOAD_ERRORS,
    ));

  test("never loads, on a page with the Prototype library: the calls are stored without the library's changes to JSON", () =>
    withPage(
      pages(`metrilo.customEvent("seen"); metrilo.applyTags(["a", "b"]);`, { snippet: inline(PROTOTYPE_JS) + PERSISTENT_SNIPPET }),
      async ({ page, open, collector, allEvents }) => {
        await abort(page, collector, SCRIPT);
        await open();
        await page.unroute(`${collector.url}/${SCRIPT}`);
        await open("/plain");
        assert.deepEqual((await allEvents()).slice(1).map(({ type, params }) => [type, params]), [["custom", { name: "seen" }], ["tag", { tags: ["a", "b"] }]]);
        assert.equal(await page.evaluate(snippetCallCount), 0);
      },
      LOAD_ERRORS,
    ));

  test("never loads on three pages: the next page sends the events of all", () =>
    withPage(
      pages(`metrilo.customEvent(location.search);`),
      async ({ page, open, collector, allEvents }) => {
        await abort(page, collector, SCRIPT);
        for (const query of ["?1", "?2", "?3"]) await open(`/${query}`);
        await page.unroute(`${collector.url}/${SCRIPT}`);
        await open("/plain");
        const events = await allEvents();
        assertStoredOnce(events, ["?1", "?2", "?3"]);
        assert.ok(isSame(events, "session_id") && isSame(events, "visitor_id"));
        assert.equal(events.filter(({ type }) => type === "land").length, 1);
      },
      LOAD_ERRORS,
    ));

  test("uses the page's raw data, `onLoad` function and stub method", () =>
    withPage(
      (collector) => ({
        "/":
          inline(`var pageCalls = []; window.ometria = {
            raw_data: { type: "homepage", store: "uk" },
            onLoad: function () { pageCalls.push("loaded"); },
            identify: function (id) { pageCalls.push(id); },
          };`) + PERSISTENT_SNIPPET + scriptTag(collector, "async") + inline(`ometria.identify("johny@x.com");`),
      }),
      async ({ page, open, allEvents }) => {
        await open();
        await waitForLibrary(page);
        await page.evaluate(() => window.ometria.identify("johny@x.com"));
        const events = await allEvents();
        assert.deepEqual(typesAndApis(events).sort(), [["identify", "ometria"], LANDING, ["page_view", "ometria"]]);
        assert.deepEqual(await page.evaluate(() => window.pageCalls), ["johny@x.com", "loaded", "johny@x.com"]);
      },
    ));

  test("reads a form that was integrated before it loaded", () =>
    withPage(
      // document.write inserts the form before the script can load: integrateForm ignores a form that does not exist.
      pages(`document.write('<form action="/plain"><input name="email" value="johny@x.com"></form>');
        metrilo.integrateForm({ formSelector: "form", email: "email" });`),
      async ({ page, open, allEvents, waitForEvents }) => {
        await open();
        await page.evaluate(() => window.metrilo.checkout());
        await waitForEvents((events) => events.some(({ type }) => type === "checkout"));
        await page.evaluate(() => document.querySelector("form").requestSubmit());
        await page.waitForURL("**/plain**");
        assert.deepEqual(typesAndApis(await allEvents()).filter(([type]) => type === "identify"), [["identify", "metrilo"]]);
      },
    ));
});

// Not in parallel with other tests: while all processors are busy, a tab may drop a call that the other tab has just converted. This limit
// is in docs/delivery.md.
describe("an async script after the snippet, in two tabs", () => {
  test("never loads: two tabs that find the calls at the same time send them once", () =>
    withPage(
      pages(),
      async ({ page, url, open, collector, allEvents }) => {
        await abort(page, collector, SCRIPT);
        await open();
        await page.unroute(`${collector.url}/${SCRIPT}`);
        const other = await page.context().newPage();
        await Promise.all([open("/plain"), other.goto(`${url}/plain`)]);
        await allEvents(other, 40_000);
        const events = await allEvents(page, 40_000);
        assertUniqueIds(events);
        // Each tab sends a part, so the events arrive in any order.
        assert.deepEqual(typesAndApis(events.filter(({ type }) => type !== "land")).sort(), [...CALLED].sort());
      },
      LOAD_ERRORS,
    ));
});

describe("a page with the snippet that is left", PARALLEL, () => {
  const MOMENTS = {
    "while the script is loading, loses no call": { blockedFile: SCRIPT, isReached: () => window.tillroll?.length },
    "while the core is loading, loses no call": { blockedFile: CORE, isReached: () => window.tillroll?.version },
    "while the replay module is loading, loses no call": { blockedFile: REPLAY_MODULE, isReached: () => window.tillroll?.version },
  };
  for (const [title, { blockedFile, isReached }] of Object.entries(MOMENTS)) {
    test(title, () =>
      withPage(
        pages(),
        async ({ page, url, open, collector, allEvents }) => {
          const release = await block(page, collector, blockedFile);
          await page.goto(`${url}/`, { waitUntil: "commit" });
          await page.waitForFunction(isReached);
          if (blockedFile === REPLAY_MODULE) await page.evaluate(whenReady);
          await page.evaluate(navigate, "/elsewhere");
          await page.waitForURL("**/elsewhere");
          release();
          await open("/next");
          const events = await allEvents();
          assertUniqueIds(events);
          assert.deepEqual(typesAndApis(events.filter(({ type }) => type !== "land")), CALLED);
          assert.equal(events.filter(({ type }) => type === "land").length, 1, "one session has one landing");
          assert.ok(isSame(events, "session_id") && isSame(events, "email"));
        },
        LOAD_ERRORS,
      ));
  }

  test("within 50 ms of the first paint, loses no call", () =>
    withPage(
      pages(`${CALLS} requestAnimationFrame(function () { setTimeout(function () { location.href = "/elsewhere"; }, 0); });`),
      async ({ page, url, open, allEvents, waitForEvents }) => {
        await page.goto(`${url}/`, { waitUntil: "commit" });
        await page.waitForURL("**/elsewhere");
        await open("/next");
        await waitForEvents((events) => events.some(({ type }) => type === "custom"));
        const events = await allEvents();
        assertUniqueIds(events);
        assert.deepEqual(typesAndApis(events.filter(({ type }) => type !== "land")), CALLED);
      },
      LOAD_ERRORS,
    ));

  test("by a killed browser between storage and replay, loses no call", async () =>
    withPage(
      pages(`for (var at = 0; at < 5; at++) metrilo.customEvent("call " + at);`),
      async ({ url, collector, allEvents }) => {
        const profile = await ChromiumProfile.create();
        try {
          const page = await profile.open();
          await abort(page, collector, SCRIPT);
          await page.goto(`${url}/`);
          await page.unroute(`${collector.url}/${SCRIPT}`);
          await block(page, collector, REPLAY_MODULE);
          await page.goto(`${url}/plain`);
          await page.evaluate(whenReady);
          await page.waitForFunction(hasStoredCalls, 5);
          await profile.kill();
          const again = await profile.open();
          await again.goto(`${url}/plain`);
          assertStoredOnce(await allEvents(again), [0, 1, 2, 3, 4].map((at) => `call ${at}`));
        } finally {
          await profile.close();
        }
      },
    ));
});

/** Runs in the page: returns whether the library's database has `count` raw calls. */
const hasStoredCalls = (count) =>
  new Promise((resolve) => {
    const opening = indexedDB.open("tillroll-sh0p-t0k3n");
    opening.onsuccess = () => {
      const reading = opening.result.transaction("tillroll-sh0p-t0k3n").objectStore("tillroll-sh0p-t0k3n").getAll();
      reading.onsuccess = () => (opening.result.close(), resolve(reading.result.filter((text) => text.startsWith("[")).length === count));
    };
  });

describe("consent", PARALLEL, () => {
  const withPendingConsent = pages(CALLS, { snippet: MEMORY_SNIPPET, attributes: `data-consent="pending"` });
  /** Runs in the page: returns everything that the page has stored. */
  const readStorage = async () => [document.cookie, { ...localStorage }, { ...sessionStorage }, (await indexedDB.databases()).length];
  const EMPTY_STORAGE = ["", {}, {}, 0];

  test("pending, then granted: nothing is stored before, and then all calls are sent", () =>
    withPage(withPendingConsent, async ({ page, open, allEvents }) => {
      await open();
      await waitForLibrary(page);
      await page.evaluate(whenReady);
      assert.deepEqual(await page.evaluate(readStorage), EMPTY_STORAGE);
      await page.evaluate(() => window.tillroll.consent("granted"));
      const events = await allEvents();
      assertUniqueIds(events);
      assert.deepEqual(typesAndApis(events), [LANDING, ...CALLED]);
    }));

  test("pending, then granted: the calls that the snippet recorded come before those behind it", () =>
    withPage(
      pages(`metrilo.identify("a@x.com");`, { snippet: MEMORY_SNIPPET, attributes: `data-consent="pending"` }),
      async ({ page, open, allEvents }) => {
        await open();
        await waitForLibrary(page);
        await page.evaluate(whenReady);
        await page.evaluate(() => (window.metrilo.identify("b@x.com"), window.tillroll.consent("granted")));
        const emails = (await allEvents()).filter(({ type }) => type === "identify").map(({ params }) => params.email);
        assert.deepEqual(emails, ["a@x.com", "b@x.com"]);
        assert.equal(await page.evaluate(() => window.ometria.getIdentity()), "b@x.com");
      },
    ));

  test("denied, then granted: earlier calls are discarded", () =>
    withPage(withPendingConsent, async ({ page, open, allEvents, waitForEvents }) => {
      await open();
      await waitForLibrary(page);
      await page.evaluate(whenReady);
      await page.evaluate(() => window.tillroll.consent("denied"));
      assert.deepEqual([await waitForEvents(() => true), await page.evaluate(readStorage)], [[], EMPTY_STORAGE]);
      await page.evaluate(() => (window.tillroll.consent("granted"), window.metrilo.checkout()));
      assert.deepEqual(typesAndApis(await allEvents()), [LANDING, ["checkout", "metrilo"]]);
    }));

  test("denied after calls of an earlier page were stored: they are deleted", () =>
    withPage(
      pages(CALLS, { attributes: `data-consent="denied"` }),
      async ({ page, open, collector, waitForEvents }) => {
        await abort(page, collector, SCRIPT);
        await open();
        assert.equal(await page.evaluate(snippetCallCount), 10 - 3);
        await page.unroute(`${collector.url}/${SCRIPT}`);
        await open("/next");
        await waitForLibrary(page);
        await page.evaluate(whenReady);
        assert.deepEqual([await waitForEvents(() => true), await page.evaluate(snippetCallCount)], [[], 0]);
      },
      LOAD_ERRORS,
    ));

  test("Global Privacy Control: nothing is stored or sent", () =>
    withPage(pages(), async ({ page, open, waitForEvents }) => {
      await page.addInitScript(() => Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { get: () => true }));
      await open();
      assert.equal(await page.evaluate(snippetCallCount), 0);
      await waitForLibrary(page);
      await page.evaluate(whenReady);
      assert.deepEqual([await waitForEvents(() => true), await page.evaluate(snippetCallCount)], [[], 0]);
    }));
});

describe("storage fails", PARALLEL, () => {
  const DENY_LOCAL_STORAGE = `Object.defineProperty(window, "localStorage", { get: function () { throw new DOMException("denied", "SecurityError"); } });`;

  test("local storage is denied: calls in memory are sent when the script loads", () =>
    withPage(
      (collector) => ({ "/": inline(DENY_LOCAL_STORAGE) + PERSISTENT_SNIPPET + scriptTag(collector, "async") + inline(CALLS) }),
      async ({ open, page, allEvents }) => {
        await open();
        await waitForLibrary(page);
        const events = await allEvents();
        assertUniqueIds(events);
        assert.deepEqual(typesAndApis(events), [LANDING, ...CALLED]);
      },
    ));

  test("IndexedDB is missing: calls stay in local storage until they are replayed", () =>
    withPage(
      (collector) => {
        const deny = inline(`Object.defineProperty(window, "indexedDB", { value: undefined });`);
        return { "/": deny + PERSISTENT_SNIPPET + scriptTag(collector, "async") + inline(CALLS), "/plain": deny + scriptTag(collector) };
      },
      async ({ open, page, allEvents, collector }) => {
        await abort(page, collector, SCRIPT);
        await open();
        await page.unroute(`${collector.url}/${SCRIPT}`);
        await open("/plain");
        const events = await allEvents();
        assertUniqueIds(events);
        assert.deepEqual(typesAndApis(events), [LANDING, ...CALLED]);
        await page.evaluate(() => window.tillroll.flush());
        assert.equal(await page.evaluate(snippetCallCount), 0);
      },
      LOAD_ERRORS,
    ));
});
