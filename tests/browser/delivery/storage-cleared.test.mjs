// Storage that goes away, and queues that overflow: what can be kept is, and what cannot is counted, in the page and at the collector.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { assertOnce } from "../support/event-assertions.mjs";
import { answers } from "../support/faulty-proxy.mjs";
import { AT_ONCE, scriptTag, stage } from "../support/fixture.mjs";

const play = stage();
const pages = (collector) => ({ "/": scriptTag(collector), "/elsewhere": "" });

const call = (page, ...names) => page.evaluate((names) => names.forEach((name) => window.metrilo.customEvent(name)), names);
const has = (...names) => (events) => names.every((name) => events.some(({ params }) => params.name === name));

/** way: how the visitor, or somebody else's script, clears what we keep. */
const CLEARED = {
  "deletes the database": ({ page }) =>
    page.evaluate(() => new Promise((done) => (indexedDB.deleteDatabase("tillroll").onsuccess = done))),
  "clears the site's data": async ({ page, url }) => {
    const session = await page.context().newCDPSession(page);
    await session.send("Storage.clearDataForOrigin", { origin: url, storageTypes: "all" });
  },
};

describe("between two calls somebody", AT_ONCE, () => {
  for (const [way, clear] of Object.entries(CLEARED)) {
    test(`${way}: the second is kept for the next page`, () =>
      play(
        pages,
        async (scene) => {
          const { page, proxy, open, stored } = scene;
          await open();
          await page.evaluate(() => window.tillroll.ready.then(() => window.tillroll.flush()));
          proxy.fault = answers(503);
          await call(page, "one");
          await clear(scene);
          await call(page, "two");
          // Neither its memory nor a beacon lives on in the next page.
          await page.evaluate(() => (navigator.sendBeacon = () => false));
          await open("/elsewhere");
          proxy.fault = undefined;
          await open();
          const events = await stored(has("two"));
          assert.ok(events.filter(({ params }) => params.name === "two").length === 1);
        },
        { proxied: true, prints: /503/ },
      ));
  }
});

test("what does not fit is dropped, the oldest first, and page and collector hear how many", () =>
  play(
    pages,
    async ({ page, proxy, open, stored, collector }) => {
      await open();
      await page.evaluate(() => window.tillroll.ready.then(() => window.tillroll.flush()));
      proxy.fault = answers(503);
      await page.evaluate(() => {
        window.dropped = 0;
        window.tillroll.on("dropped", ({ count, reason }) => (window.dropped += reason === "full" ? count : NaN));
        for (let at = 0; at < 1007; at++) window.metrilo.customEvent("event " + at);
      });
      assert.equal(await page.evaluate(() => window.dropped), 7);
      proxy.fault = undefined;
      await page.evaluate(() => dispatchEvent(new Event("online")));
      const names = Array.from({ length: 1000 }, (_, at) => "event " + (at + 7));
      assertOnce(await stored((events) => events.filter(({ type }) => type === "custom").length >= 1000), names);
      const metrics = await (await fetch(collector.url + "/metrics")).text();
      assert.match(metrics, /^tillroll_page_dropped_total 7$/m);
    },
    { proxied: true, prints: /503/ },
  ));
