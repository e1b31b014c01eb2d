// Consent: while it is pending or denied, the page sends nothing and stores nothing in the browser.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { createFixture, PARALLEL, persistedCount, scriptTag } from "../support/fixture.mjs";

const withPage = createFixture();

const pages = (attributes = "", more = "") => (collector) => ({ "/": scriptTag(collector, attributes) + more, "/two": scriptTag(collector, attributes), "/empty": "" });
const PENDING = 'data-consent="pending"';
const typesAndParams = (events) => events.map(({ type, params }) => [type, params]);

/** Runs in the page: makes calls, waits until they are processed, and returns what the browser has stored. */
const callAndReadStorage = async () => {
  await window.tillroll.ready;
  window.metrilo.viewProduct(1);
  window.metrilo.identify("johny@x.com");
  await window.tillroll.flush();
  return readStorage();
};

/* global readStorage */
const READ_STORAGE = `window.readStorage = async () => ({
  cookies: document.cookie,
  local: Object.keys(localStorage),
  session: Object.keys(sessionStorage),
  databases: (await indexedDB.databases()).map(({ name }) => name),
  caches: window.caches ? await caches.keys() : [],
});`;

const EMPTY_STORAGE = { cookies: "", local: [], session: [], databases: [], caches: [] };

/** Returns the list of the page's requests that are not GET; later requests are added to it. */
const recordRequests = async (page) => {
  await page.addInitScript(READ_STORAGE);
  const sent = [];
  page.on("request", (request) => request.method() !== "GET" && sent.push(request.url()));
  return sent;
};

/** Hides the page, leaves it and returns to it. */
const leaveAndReturn = async (page, open) => {
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await open("/empty");
  await page.evaluate(() => void history.back());
  await page.waitForFunction(() => window.tillroll);
};

const assertNothingStoredOrSent = async ({ page, open, waitForEvents }) => {
  const sent = await recordRequests(page);
  await open();
  assert.deepEqual(await page.evaluate(callAndReadStorage), EMPTY_STORAGE);
  await leaveAndReturn(page, open);
  assert.deepEqual(await page.evaluate(callAndReadStorage), EMPTY_STORAGE);
  await open("/two");
  assert.deepEqual(await page.evaluate(() => readStorage()), EMPTY_STORAGE);
  assert.deepEqual(sent, []);
  assert.deepEqual(await waitForEvents(() => true), []);
  return sent;
};

const WITHOUT_CONSENT = {
  "while consent is pending": PENDING,
  "while consent is denied": 'data-consent="denied"',
};

describe("consent", PARALLEL, () => {
  for (const [title, attributes] of Object.entries(WITHOUT_CONSENT)) {
    test(`${title} nothing is sent and nothing is stored`, () => withPage(pages(attributes), assertNothingStoredOrSent));
  }

  test("calls before the core has loaded are not stored while consent is pending", () =>
    withPage(pages(PENDING, "<script>metrilo.viewProduct(1); metrilo.identify('johny@x.com');</script>"), async ({ page, open, collector }) => {
      const sent = await recordRequests(page);
      await page.route(`${collector.url}/assets/*.wasm`, () => {});
      await open();
      assert.deepEqual(await page.evaluate(() => readStorage()), EMPTY_STORAGE);
      await open("/empty");
      assert.deepEqual(await page.evaluate(() => readStorage()), EMPTY_STORAGE);
      assert.deepEqual(sent, []);
    }));

  test("when consent is granted, waiting calls are sent with their own times", () =>
    withPage(pages(PENDING, "<script>metrilo.viewProduct(1);</script>"), async ({ page, open, allEvents }) => {
      const sent = await recordRequests(page);
      await open();
      const calledAt = await page.evaluate(async () => {
        await window.tillroll.ready;
        window.metrilo.viewProduct(2);
        window.metrilo.identify("Johny@x.com");
        const calledAt = Date.now();
        await window.tillroll.flush();
        return calledAt;
      });
      await page.waitForFunction((then) => Date.now() > then + 20, calledAt);
      assert.deepEqual(sent, []);
      await page.evaluate(() => (window.tillroll.consent("granted"), window.metrilo.checkout()));
      const events = await allEvents();
      assert.deepEqual(typesAndParams(events.slice(1)), [
        ["product_view", { product_id: "1" }],
        ["product_view", { product_id: "2" }],
        ["identify", { email: "johny@x.com" }],
        ["checkout", {}],
      ]);
      assert.equal(events[0].type, "land");
      for (const event of events.slice(0, 4)) assert.ok(event.time <= calledAt, `${event.type} has the time ${event.time}, after ${calledAt}`);
      assert.ok(events[4].time > calledAt);
      assert.ok((await page.context().cookies()).some(({ name, value }) => name === "cbuid" && value === "johny@x.com"));
    }));

  test("a reset while consent is pending separates the calls before it from those behind it", () =>
    withPage(pages(PENDING, "<script>metrilo.identify('a@x.com'); tillroll.reset(); metrilo.viewProduct(2);</script>"), async ({ page, open, allEvents }) => {
      await page.context().addCookies([{ name: "cbuid", value: "before%40x.com", url: "http://127.0.0.1" }]);
      await open();
      await page.evaluate(async () => {
        await window.tillroll.ready;
        window.metrilo.identify("c@x.com");
        window.tillroll.reset();
        window.metrilo.viewProduct(3);
        window.tillroll.consent("granted");
      });
      assert.deepEqual((await allEvents()).map(({ type, email, params }) => [type, email, params.product_id]), [
        ["land", "before@x.com", undefined],
        ["identify", "a@x.com", undefined],
        ["product_view", "c@x.com", "2"],
        ["identify", "c@x.com", undefined],
        ["product_view", null, "3"],
      ]);
    }));

  test("consent granted before the core has loaded is applied", () =>
    withPage(pages(PENDING, "<script>metrilo.viewProduct(1); tillroll.consent('granted');</script>"), async ({ open, allEvents }) => {
      await open();
      assert.deepEqual(typesAndParams((await allEvents()).slice(1)), [["product_view", { product_id: "1" }]]);
    }));

  test("denial discards waiting calls; a later grant starts with new ones", () =>
    withPage(pages(PENDING), async ({ page, open, allEvents }) => {
      const sent = await recordRequests(page);
      await open();
      await page.evaluate(callAndReadStorage);
      await page.evaluate(() => window.tillroll.consent("denied"));
      assert.deepEqual(await page.evaluate(callAndReadStorage), EMPTY_STORAGE);
      assert.deepEqual(sent, []);
      await page.evaluate(() => (window.tillroll.consent("granted"), window.metrilo.checkout()));
      const events = await allEvents();
      assert.deepEqual(events.map(({ type, email }) => [type, email]), [["land", null], ["checkout", null]]);
    }));

  test("denial before the core has loaded: nothing is stored, also if it never loads", () =>
    withPage(pages("", "<script>metrilo.viewProduct(1); tillroll.consent('denied'); metrilo.viewProduct(2);</script>"), async ({ page, open, collector }) => {
      await page.route(`${collector.url}/assets/*.wasm`, () => {});
      await open();
      assert.equal(await page.evaluate(persistedCount), 0);
      await open("/empty");
      assert.equal(await page.evaluate(persistedCount), 0);
      assert.deepEqual(await page.evaluate(() => [document.cookie, Object.keys(localStorage)]), ["", []]);
    }));

  test("denial deletes everything that was stored", () =>
    withPage(pages(), async ({ page, open, allEvents, collector }) => {
      const sent = await recordRequests(page);
      await open();
      await allEvents();
      await page.evaluate(() => window.tillroll.flush());
      // The collector is unreachable, so the page keeps events.
      await page.route(`${collector.url}/v2/calls`, (route) => route.abort());
      const before = await page.evaluate(callAndReadStorage);
      assert.match(before.cookies, /cbuid=johny@x\.com/);
      assert.deepEqual(before.databases, ["tillroll-sh0p-t0k3n"]);
      await page.evaluate(() => window.tillroll.consent("denied"));
      await page.waitForFunction(async () => !(await indexedDB.databases()).length);
      assert.deepEqual(await page.evaluate(() => readStorage()), EMPTY_STORAGE);
      await page.unroute(`${collector.url}/v2/calls`);
      const count = sent.length;
      assert.deepEqual(await page.evaluate(callAndReadStorage), EMPTY_STORAGE);
      assert.equal(sent.length, count);
      page.errors.splice(0, page.errors.length, ...page.errors.filter((text) => !text.includes("ERR_FAILED")));
    }));

  test("an unknown consent value is ignored", () =>
    withPage(pages(PENDING), async ({ page, open }) => {
      const sent = await recordRequests(page);
      await open();
      const storage = await page.evaluate(async () => {
        await window.tillroll.ready;
        for (const value of ["", "yes", null, undefined, {}, "GRANTED "]) window.tillroll.consent(value);
        window.metrilo.viewProduct(1);
        await window.tillroll.flush();
        return readStorage();
      });
      assert.deepEqual(storage, EMPTY_STORAGE);
      assert.deepEqual(sent, []);
    }));

  /** Enables Global Privacy Control in the page. */
  const enableGpc = (page) => page.addInitScript(() => Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { value: true }));

  test("Global Privacy Control denies consent, and a later grant has no effect", () =>
    withPage(pages(), async (fixture) => {
      await enableGpc(fixture.page);
      const sent = await assertNothingStoredOrSent(fixture);
      await fixture.page.evaluate(() => window.tillroll.consent("granted"));
      assert.deepEqual(await fixture.page.evaluate(callAndReadStorage), EMPTY_STORAGE);
      assert.deepEqual(sent, []);
    }));

  test("Global Privacy Control deletes an existing visitor cookie", () =>
    withPage(pages(), async ({ page, url, open }) => {
      const sent = await recordRequests(page);
      await page.context().addCookies([{ name: "cbuid", value: "johny@x.com", url }]);
      await enableGpc(page);
      await open();
      assert.deepEqual(await page.evaluate(callAndReadStorage), EMPTY_STORAGE);
      assert.deepEqual(sent, []);
    }));

  test("data-gpc=\"ignore\" overrides Global Privacy Control", () =>
    withPage(pages('data-gpc="ignore"'), async ({ page, open, allEvents }) => {
      await enableGpc(page);
      await open();
      await page.evaluate(() => window.metrilo.viewProduct(1));
      assert.deepEqual(typesAndParams((await allEvents()).slice(1)), [["product_view", { product_id: "1" }]]);
    }));

  test("data-gpc=\"ignore\" does not grant consent", () => withPage(pages(`${PENDING} data-gpc="ignore"`), async (fixture) => (await enableGpc(fixture.page), void (await assertNothingStoredOrSent(fixture)))));
});
