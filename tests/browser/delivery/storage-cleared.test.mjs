// Storage is cleared, or the queue overflows. Later events are persisted, and dropped events are counted in the page and in the collector.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { assertStoredOnce } from "../support/event-assertions.mjs";
import { respondWith } from "../support/faulty-proxy.mjs";
import { createFixture, PARALLEL, scriptTag } from "../support/fixture.mjs";

const withPage = createFixture();
const pages = (collector) => ({ "/": scriptTag(collector), "/elsewhere": "" });

const sendEvents = (page, ...names) => page.evaluate((names) => names.forEach((name) => window.metrilo.customEvent(name)), names);
const haveNames = (...names) => (events) => names.every((name) => events.some(({ params }) => params.name === name));

/** action of the visitor or of another script: how it clears the library's storage. */
const CLEAR_ACTIONS = {
  "deletion of the database": ({ page }) =>
    page.evaluate(() => new Promise((done) => (indexedDB.deleteDatabase("tillroll-sh0p-t0k3n").onsuccess = done))),
  "clearing of the site's data": async ({ page, url }) => {
    const session = await page.context().newCDPSession(page);
    await session.send("Storage.clearDataForOrigin", { origin: url, storageTypes: "all" });
  },
};

describe("storage is cleared between two calls", PARALLEL, () => {
  for (const [action, clear] of Object.entries(CLEAR_ACTIONS)) {
    test(`after ${action} the next page sends the second event`, () =>
      withPage(
        pages,
        async (fixture) => {
          const { page, proxy, open, waitForEvents } = fixture;
          await open();
          await page.evaluate(() => window.tillroll.ready.then(() => window.tillroll.flush()));
          proxy.fault = respondWith(503);
          await sendEvents(page, "one");
          await clear(fixture);
          await sendEvents(page, "two");
          // Without a beacon, only storage can carry the event to the next page.
          await page.evaluate(() => (navigator.sendBeacon = () => false));
          await open("/elsewhere");
          proxy.fault = undefined;
          await open();
          const events = await waitForEvents(haveNames("two"));
          assert.equal(events.filter(({ params }) => params.name === "two").length, 1);
        },
        { useProxy: true, allowedErrors: /503/ },
      ));
  }
});

test("when the queue is full, the oldest events are dropped and counted in the page and in the collector", () =>
  withPage(
    pages,
    async ({ page, proxy, open, waitForEvents, collector }) => {
      await open();
      await page.evaluate(() => window.tillroll.ready.then(() => window.tillroll.flush()));
      proxy.fault = respondWith(503);
      await page.evaluate(() => {
        window.dropped = 0;
        window.tillroll.on("dropped", ({ count, reason }) => (window.dropped += reason === "full" ? count : NaN));
        for (let at = 0; at < 1007; at++) window.metrilo.customEvent("event " + at);
      });
      assert.equal(await page.evaluate(() => window.dropped), 7);
      proxy.fault = undefined;
      await page.evaluate(() => dispatchEvent(new Event("online")));
      const names = Array.from({ length: 1000 }, (_, at) => "event " + (at + 7));
      assertStoredOnce(await waitForEvents((events) => events.filter(({ type }) => type === "custom").length >= 1000), names);
      const metrics = await (await fetch(collector.url + "/metrics")).text();
      assert.match(metrics, /^tillroll_page_dropped_total 7$/m);
    },
    { useProxy: true, allowedErrors: /503/ },
  ));
