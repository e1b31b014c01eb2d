// The visitor's word: before it, and after a no, nothing of them leaves the page and nothing stays in the browser.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { AT_ONCE, scriptTag, stage } from "../support/fixture.mjs";

const play = stage();

const pages = (attributes = "", more = "") => (collector) => ({ "/": scriptTag(collector, attributes) + more, "/two": scriptTag(collector, attributes), "/empty": "" });
const PENDING = 'data-consent="pending"';
const short = (events) => events.map(({ type, params }) => [type, params]);

/** In the page: calls something, has everything done that a call ever causes, and returns what the browser holds of the visitor then. */
const trace = async () => {
  await window.tillroll.ready;
  window.metrilo.viewProduct(1);
  window.metrilo.identify("johny@x.com");
  await window.tillroll.flush();
  return held();
};

const HELD = `window.held = async () => ({
  cookies: document.cookie,
  local: Object.keys(localStorage),
  session: Object.keys(sessionStorage),
  databases: (await indexedDB.databases()).map(({ name }) => name),
  caches: window.caches ? await caches.keys() : [],
});`;

const NOTHING = { cookies: "", local: [], session: [], databases: [], caches: [] };

/** Watches what leaves the page besides the library's own files. */
const watch = async (page) => {
  await page.addInitScript(HELD);
  const sent = [];
  page.on("request", (request) => request.method() !== "GET" && sent.push(request.url()));
  return sent;
};

/** Whoever is silent stays silent while the page is hidden, left and come back to. */
const leave = async (page, open) => {
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await open("/empty");
  await page.evaluate(() => void history.back());
  await page.waitForFunction(() => window.tillroll);
};

const silent = async ({ page, open, stored }) => {
  const sent = await watch(page);
  await open();
  assert.deepEqual(await page.evaluate(trace), NOTHING);
  await leave(page, open);
  assert.deepEqual(await page.evaluate(trace), NOTHING);
  await open("/two");
  assert.deepEqual(await page.evaluate(() => held()), NOTHING);
  assert.deepEqual(sent, []);
  assert.deepEqual(await stored(() => true), []);
  return sent;
};

const SILENT = {
  "while consent is pending": PENDING,
  "while consent is denied": 'data-consent="denied"',
};

describe("consent", AT_ONCE, () => {
  for (const [title, attributes] of Object.entries(SILENT)) {
    test(`${title} nothing is sent and nothing is stored`, () => play(pages(attributes), silent));
  }

  test("calls in line before the core has arrived are not stored while consent is pending", () =>
    play(pages(PENDING, "<script>metrilo.viewProduct(1); metrilo.identify('johny@x.com');</script>"), async ({ page, open, collector }) => {
      const sent = await watch(page);
      await page.route(`${collector.url}/assets/*.wasm`, () => {});
      await open();
      assert.deepEqual(await page.evaluate(() => held()), NOTHING);
      await open("/empty");
      assert.deepEqual(await page.evaluate(() => held()), NOTHING);
      assert.deepEqual(sent, []);
    }));

  test("once consent is given, what was held goes out with its own times", () =>
    play(pages(PENDING, "<script>metrilo.viewProduct(1);</script>"), async ({ page, open, told }) => {
      const sent = await watch(page);
      await open();
      const moment = await page.evaluate(async () => {
        await window.tillroll.ready;
        window.metrilo.viewProduct(2);
        window.metrilo.identify("Johny@x.com");
        const moment = Date.now();
        await window.tillroll.flush();
        return moment;
      });
      await page.waitForFunction((then) => Date.now() > then + 20, moment);
      assert.deepEqual(sent, []);
      await page.evaluate(() => (window.tillroll.consent("granted"), window.metrilo.checkout()));
      const events = await told();
      assert.deepEqual(short(events.slice(1)), [
        ["product_view", { product_id: "1" }],
        ["product_view", { product_id: "2" }],
        ["identify", { email: "johny@x.com" }],
        ["checkout", {}],
      ]);
      assert.equal(events[0].type, "land");
      for (const event of events.slice(0, 4)) assert.ok(event.time <= moment, `${event.type} is of ${event.time}, after ${moment}`);
      assert.ok(events[4].time > moment);
      assert.ok((await page.context().cookies()).some(({ name, value }) => name === "cbuid" && value === "johny@x.com"));
    }));

  test("consent given before the core has arrived counts", () =>
    play(pages(PENDING, "<script>metrilo.viewProduct(1); tillroll.consent('granted');</script>"), async ({ open, told }) => {
      await open();
      assert.deepEqual(short((await told()).slice(1)), [["product_view", { product_id: "1" }]]);
    }));

  test("a no drops what was held; a later yes begins anew", () =>
    play(pages(PENDING), async ({ page, open, told }) => {
      const sent = await watch(page);
      await open();
      await page.evaluate(trace);
      await page.evaluate(() => window.tillroll.consent("denied"));
      assert.deepEqual(await page.evaluate(trace), NOTHING);
      assert.deepEqual(sent, []);
      await page.evaluate(() => (window.tillroll.consent("granted"), window.metrilo.checkout()));
      const events = await told();
      assert.deepEqual(events.map(({ type, email }) => [type, email]), [["land", null], ["checkout", null]]);
    }));

  test("a no removes everything that was stored", () =>
    play(pages(), async ({ page, open, told, collector }) => {
      const sent = await watch(page);
      await open();
      await told();
      await page.evaluate(() => window.tillroll.flush());
      // The collector is out of reach, so that there is something kept.
      await page.route(`${collector.url}/v2/batch`, (route) => route.abort());
      const before = await page.evaluate(trace);
      assert.match(before.cookies, /cbuid=johny@x\.com/);
      assert.deepEqual(before.databases, ["tillroll"]);
      await page.evaluate(() => window.tillroll.consent("denied"));
      await page.waitForFunction(async () => !(await indexedDB.databases()).length);
      assert.deepEqual(await page.evaluate(() => held()), NOTHING);
      await page.unroute(`${collector.url}/v2/batch`);
      const count = sent.length;
      assert.deepEqual(await page.evaluate(trace), NOTHING);
      assert.equal(sent.length, count);
      page.complaints.splice(0, page.complaints.length, ...page.complaints.filter((text) => !text.includes("ERR_FAILED")));
    }));

  test("an unknown word changes nothing", () =>
    play(pages(PENDING), async ({ page, open }) => {
      const sent = await watch(page);
      await open();
      const left = await page.evaluate(async () => {
        await window.tillroll.ready;
        for (const word of ["", "yes", null, undefined, {}, "GRANTED "]) window.tillroll.consent(word);
        window.metrilo.viewProduct(1);
        await window.tillroll.flush();
        return held();
      });
      assert.deepEqual(left, NOTHING);
      assert.deepEqual(sent, []);
    }));

  /** In the page, before its scripts: a browser whose visitor refuses by Global Privacy Control. */
  const refuse = (page) => page.addInitScript(() => Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { value: true }));

  test("Global Privacy Control is a no that stands", () =>
    play(pages(), async (stage) => {
      await refuse(stage.page);
      const sent = await silent(stage);
      await stage.page.evaluate(() => window.tillroll.consent("granted"));
      assert.deepEqual(await stage.page.evaluate(trace), NOTHING);
      assert.deepEqual(sent, []);
    }));

  test("a browser that was known forgets its visitor once it says Global Privacy Control", () =>
    play(pages(), async ({ page, url, open }) => {
      const sent = await watch(page);
      await page.context().addCookies([{ name: "cbuid", value: "johny@x.com", url }]);
      await refuse(page);
      await open();
      assert.deepEqual(await page.evaluate(trace), NOTHING);
      assert.deepEqual(sent, []);
    }));

  test("a shop that has a reason may override it", () =>
    play(pages('data-gpc="ignore"'), async ({ page, open, told }) => {
      await refuse(page);
      await open();
      await page.evaluate(() => window.metrilo.viewProduct(1));
      assert.deepEqual(short((await told()).slice(1)), [["product_view", { product_id: "1" }]]);
    }));

  test("an override of it is no consent", () => play(pages(`${PENDING} data-gpc="ignore"`), async (stage) => (await refuse(stage.page), void (await silent(stage)))));
});
