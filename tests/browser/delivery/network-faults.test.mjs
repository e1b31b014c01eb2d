// Network faults, injected by a proxy in front of the real collector. No event is lost or duplicated, the events keep the order of the calls,
// and one request is in flight at a time.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ENGINES } from "../support/engines.mjs";
import { assertStoredOnce } from "../support/event-assertions.mjs";
import { CAPTIVE_PORTAL, CUT_AFTER_STORE, delayedResponse, NO_RESPONSE, respondWith } from "../support/faulty-proxy.mjs";
import { createFixture, scriptTag } from "../support/fixture.mjs";

/** These tests mostly wait for the tracker's time-outs and retry delays. */
const HIGHLY_PARALLEL = { concurrency: 16 };

const withPage = createFixture();
const WITH_PROXY = { useProxy: true, allowedErrors: /Failed to load resource|blocked by CORS policy/ };
const pages = (collector) => ({ "/": scriptTag(collector), "/next": scriptTag(collector) });

const whenReady = () => window.tillroll.ready;
const sendEvents = (names) => names.forEach((name) => window.metrilo.customEvent(name));
const NAMES = ["1", "2", "3", "4", "5", "6"];
const LONG_NAMES = NAMES.concat(NAMES).map((name, at) => `${at} ${name.repeat(7_000)}`);
const repeat = (count, fault) => Array(count).fill(fault);
const CROSS_ORIGIN_PORTAL = { status: 200, headers: { "content-type": "text/html" }, body: CAPTIVE_PORTAL.body };

/** title: the faults of the next batches, or of all; `minRetryMs` is the least time between the first two batches. */
const CASES = {
  "500, five times": { nextFaults: repeat(5, respondWith(500)) },
  "503 with Retry-After": { nextFaults: repeat(2, respondWith(503, { "retry-after": "2" })), minRetryMs: 2_000 },
  "429 with Retry-After": { nextFaults: [respondWith(429, { "retry-after": "3" })], minRetryMs: 3_000 },
  "429 without Retry-After": { nextFaults: [respondWith(429)], minRetryMs: 500 },
  "408": { nextFaults: [respondWith(408)] },
  "404, as from a host during a migration": { nextFaults: [respondWith(404)] },
  "400, as from a collector that is older than the script": { nextFaults: repeat(2, respondWith(400)) },
  "no response to the first three requests": { nextFaults: repeat(3, NO_RESPONSE), minRetryMs: 10_000 },
  "no response to the first request of 50 KB": { nextFaults: [NO_RESPONSE], minRetryMs: 10_000, names: LONG_NAMES },
  "the connection is cut after the body is received, three times": { nextFaults: repeat(3, CUT_AFTER_STORE) },
  "a captive portal responds 200 with HTML, three times": { nextFaults: repeat(3, CAPTIVE_PORTAL) },
  "a captive portal without CORS headers": { nextFaults: repeat(3, CROSS_ORIGIN_PORTAL) },
  "an empty 204": { nextFaults: [respondWith(204)] },
  "every response is delayed by a second": { fault: delayedResponse(1_000) },
  "a mix of faults": { nextFaults: [CUT_AFTER_STORE, respondWith(500), CAPTIVE_PORTAL, respondWith(429, { "retry-after": "1" })] },
};

describe("when the network fails no event is lost or duplicated", HIGHLY_PARALLEL, () => {
  for (const [title, { nextFaults = [], fault, minRetryMs, names = NAMES }] of Object.entries(CASES)) {
    test(title, () =>
      withPage(
        pages,
        async ({ page, proxy, open, waitForEvents, allEvents }) => {
          await open();
          await page.evaluate(whenReady);
          await waitForEvents((events) => events.length > 0);
          Object.assign(proxy, { nextFaults: [...nextFaults], fault, batches: [] });
          const batchReceived = proxy.nextBatch();
          await page.evaluate(sendEvents, names.slice(0, names.length / 2));
          await batchReceived;
          await page.evaluate(sendEvents, names.slice(names.length / 2));
          const events = await allEvents(page, 60_000);
          assertStoredOnce(events, names);
          assert.deepEqual(events.map(({ params }) => params.name), [undefined, ...names], "the events have the order of the calls");
          assert.equal(proxy.maxInFlight, 1, "requests in flight at a time");
          const [first, second] = proxy.batches;
          if (minRetryMs) assert.ok(second.at - first.at >= minRetryMs, `retried after ${second.at - first.at} ms`);
        },
        WITH_PROXY,
      ));
  }

  test("connections are refused for 12 s while navigator.onLine is true", () =>
    withPage(
      pages,
      async ({ page, proxy, open, allEvents }) => {
        await open();
        await page.evaluate(whenReady);
        const accepting = proxy.refuseFor(12_000);
        const failures = [];
        page.on("requestfailed", (request) => failures.push(request.url()));
        await page.evaluate(sendEvents, NAMES);
        await accepting;
        assert.ok(await page.evaluate(() => navigator.onLine));
        assert.ok(failures.length >= 2 && failures.length <= 6, `${failures.length} attempts in 12 s`);
        assertStoredOnce(await allEvents(page, 40_000), NAMES);
      },
      WITH_PROXY,
    ));

  test("a collector that is older than the script is reported once, with its response, and the calls wait", () =>
    withPage(
      pages,
      async ({ page, proxy, open, allEvents }) => {
        const answer = '{"error":{"code":"invalid_field","field":"form"}}';
        proxy.nextFaults = repeat(3, { ...respondWith(400), body: answer });
        await page.addInitScript(() => (window.reports = []));
        await open();
        await page.evaluate(() => {
          for (const name of ["error", "dropped"]) window.tillroll.on(name, ({ reason, answer }) => window.reports.push([name, reason, answer]));
        });
        await page.evaluate(sendEvents, NAMES);
        assertStoredOnce(await allEvents(page, 40_000), NAMES);
        assert.deepEqual(await page.evaluate(() => window.reports), [["error", "unknown_form", answer]]);
        assert.deepEqual(proxy.nextFaults, []);
      },
      WITH_PROXY,
    ));

  test("a login page or a challenge before the collector costs no event", () =>
    withPage(
      pages,
      async ({ page, proxy, open, allEvents }) => {
        const html = { "content-type": "text/html" };
        proxy.nextFaults = [respondWith(403, html, "<!doctype html><title>Just a moment...</title>"), respondWith(401, html, "")];
        await open();
        await page.evaluate(sendEvents, NAMES);
        assertStoredOnce(await allEvents(page, 40_000), NAMES);
        assert.deepEqual(proxy.nextFaults, []);
      },
      WITH_PROXY,
    ));

  test("after a 401 the batch is dropped and reported, and the page sends nothing more", () =>
    withPage(
      pages,
      async ({ page, proxy, open, allEvents }) => {
        proxy.nextFaults = [respondWith(401, {}, '{"error":{"code":"unknown_token"}}')];
        await open();
        await page.evaluate(async () => {
          await window.tillroll.ready;
          const dropped = new Promise((resolve) => window.tillroll.on("dropped", resolve));
          window.metrilo.customEvent("rejected");
          const { count, reason } = await dropped;
          window.metrilo.customEvent(`${count} ${reason}`);
          await window.tillroll.flush();
        });
        assert.equal(proxy.batches.length, 1);
        await open("/next");
        assertStoredOnce(await allEvents(), ["2 refused"]);
      },
      WITH_PROXY,
    ));
});

/** title: the script that runs in the page before the library, and whether the page compresses then. */
const COMPRESSION = {
  "is compressed": ["", true],
  "is sent as it is if the browser cannot compress": ["<script>delete window.CompressionStream;</script>", false],
  "is sent as it is if the page has replaced the compression": ["<script>window.CompressionStream = function () { throw 1; };</script>", false],
};

for (const [name, engine] of Object.entries(ENGINES)) {
  describe(`${name}, a request with many calls`, () => {
    const withPage = createFixture({ engine });
    for (const [title, [script, isCompressed]] of Object.entries(COMPRESSION)) {
      test(title, () =>
        withPage(
          (collector) => ({ "/": script + scriptTag(collector) }),
          async ({ page, proxy, open, waitForEvents, allEvents }) => {
            await open();
            await page.evaluate(whenReady);
            await waitForEvents((events) => events.length > 0);
            const names = Array.from({ length: 20 }, (_, at) => `call ${at}`);
            await page.evaluate(sendEvents, names);
            assertStoredOnce(await allEvents(), names);
            const { bytes, body } = proxy.batches.find(({ body }) => body.includes("call 1"));
            assert.equal(bytes < body.length / 2, isCompressed, `${bytes} bytes for ${body.length} characters`);
          },
          WITH_PROXY,
        ));
    }
  });

  describe(`${name}, when the core fails to load no event is lost or duplicated`, () => {
    const withPage = createFixture({ engine });
    test("the same page loads it again on the online event", () =>
      withPage(
        pages,
        async ({ page, proxy, open, allEvents }) => {
          proxy.assetFault = respondWith(503);
          await open();
          await page.evaluate(() => window.tillroll.ready.catch(() => "not ready"));
          await page.evaluate(sendEvents, NAMES.slice(0, 3));
          proxy.assetFault = undefined;
          await page.evaluate(() => window.dispatchEvent(new Event("online")));
          await page.evaluate(sendEvents, NAMES.slice(3));
          assertStoredOnce(await allEvents(), NAMES);
        },
        { ...WITH_PROXY, allowedErrors: /Failed to load|Cross-Origin Request Blocked|disallowed MIME type/ },
      ));
  });
}

describe("when the connection is lost no event is lost or duplicated", HIGHLY_PARALLEL, () => {
  const CALLED_OFFLINE = ["offline 1", "offline 2"];

  test("offline and online again", () =>
    withPage(
      pages,
      async ({ page, open, allEvents }) => {
        await open();
        await page.evaluate(whenReady);
        await page.context().setOffline(true);
        const failed = page.waitForEvent("requestfailed");
        await page.evaluate(sendEvents, CALLED_OFFLINE);
        await failed;
        await page.context().setOffline(false);
        assertStoredOnce(await allEvents(), CALLED_OFFLINE);
      },
      WITH_PROXY,
    ));

  test("offline, closed, and opened again", () =>
    withPage(
      pages,
      async ({ page, url, open, allEvents }) => {
        await open();
        await page.evaluate(whenReady);
        const context = page.context();
        await context.setOffline(true);
        await page.evaluate(sendEvents, CALLED_OFFLINE);
        await page.close();
        await context.setOffline(false);
        const again = await context.newPage();
        await again.goto(`${url}/next`);
        assertStoredOnce(await allEvents(again), CALLED_OFFLINE);
      },
      WITH_PROXY,
    ));

  test("500 events in one task", () =>
    withPage(
      pages,
      async ({ page, open, allEvents, proxy }) => {
        const names = Array.from({ length: 500 }, (_, at) => String(at));
        await open();
        await page.evaluate(sendEvents, names);
        const events = await allEvents();
        assertStoredOnce(events, names);
        assert.deepEqual(events.slice(1).map(({ params }) => params.name), names);
        assert.equal(proxy.maxInFlight, 1);
      },
      WITH_PROXY,
    ));
});
