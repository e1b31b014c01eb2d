// A denial of consent holds in all tabs of the origin at once: also in those whose core has not loaded yet, and those of another project.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ENGINES } from "../support/engines.mjs";
import { FaultyProxy, respondWith } from "../support/faulty-proxy.mjs";
import { createFixture, PARALLEL, scriptTag } from "../support/fixture.mjs";
import { TOKEN } from "../support/collector.mjs";

const pages = (collector) => ({ "/": scriptTag(collector), "/other-project": scriptTag(collector).replace(TOKEN, "other") });

/** Runs in the page. */
const storedNames = async () =>
  [document.cookie, ...Object.keys(localStorage), ...(await indexedDB.databases()).map(({ name }) => name)].filter((name) => name);

/** Runs in the page: waits until nothing is stored. */
const isEmpty = `(${storedNames})().then((names) => !names.length)`;

for (const [name, engine] of Object.entries(ENGINES)) {
  describe(`${name}, consent that is denied in one tab`, PARALLEL, () => {
    const withPage = createFixture({ engine });

    test("is denied in a tab whose core has not loaded", () =>
      withPage(pages, async ({ page, url, open, allEvents, collector, shop }) => {
        const proxy = await FaultyProxy.start(collector.url);
        proxy.assetFault = respondWith(503);
        try {
          shop.pages["/waits"] = scriptTag(proxy.url);
          await open();
          await allEvents();
          const other = await page.context().newPage();
          await other.goto(`${url}/waits`);
          await other.evaluate(() => {
            window.metrilo.viewProduct("before");
            // WebKit 2.50 notifies only pages that have used local storage; the library does so when its core loads.
            localStorage.getItem("any");
            window.denied = new Promise((resolve) => window.addEventListener("storage", ({ key }) => key === "tillroll-denied" && resolve(true)));
          });
          await page.evaluate(() => window.tillroll.consent("denied"));
          await page.waitForFunction(isEmpty);
          const deniedAt = await other.evaluate(() => window.denied.then(() => Date.now()));
          await other.evaluate(() => window.metrilo.viewProduct("after"));
          await other.goto("about:blank");
          assert.deepEqual(await page.evaluate(storedNames), []);
          // Before the denial it may send: Firefox hides a tab for a moment while it opens, and a hidden page sends its calls.
          const sentLater = proxy.batches.filter(({ body }) => Number(/sentAt\x1F#(\d+)/.exec(body)[1]) >= deniedAt);
          assert.deepEqual(sentLater, [], "after the denial the page has sent nothing, also when it closed");
        } finally {
          await proxy.close();
        }
      }, { allowedErrors: /Failed to load|Cross-Origin Request Blocked|disallowed MIME type/ }));

    test("is denied in a tab of another project", () =>
      withPage(
        pages,
        async ({ page, url, open, allEvents }) => {
          await open();
          await allEvents();
          const other = await page.context().newPage();
          await other.goto(`${url}/other-project`);
          await other.evaluate(() => window.tillroll.ready.then(() => window.tillroll.flush()));
          await other.evaluate(() => window.tillroll.consent("denied"));
          await page.waitForFunction(isEmpty);
          await page.evaluate(() => (window.metrilo.identify("a@x.com"), window.tillroll.flush()));
          assert.deepEqual(await page.evaluate(storedNames), []);
        },
        { allowedErrors: /401|Failed to load resource/ },
      ));

    test("and granted again in both has one visitor", () =>
      withPage(pages, async ({ page, url, open, allEvents }) => {
        await open();
        await allEvents();
        const other = await page.context().newPage();
        await other.goto(url);
        await other.evaluate(() => window.tillroll.ready.then(() => window.tillroll.flush()));
        // The library's listener came first.
        await other.evaluate(() => {
          window.denied = new Promise((resolve) => window.addEventListener("storage", ({ key }) => key === "tillroll-denied" && resolve(true)));
        });
        await page.evaluate(() => window.tillroll.consent("denied"));
        await page.waitForFunction(isEmpty);
        // A busy browser may notify the other tab later than this one grants consent again, and then that is denied too.
        await other.evaluate(() => window.denied);
        for (const tab of [page, other]) {
          await tab.evaluate(() => {
            window.tillroll.consent("granted");
            window.metrilo.customEvent("granted");
            return window.tillroll.flush().then(() => true);
          });
        }
        const granted = (await allEvents(other)).filter(({ params }) => params.name === "granted");
        assert.equal(granted.length, 2);
        assert.equal(granted[0].visitor_id, granted[1].visitor_id);
        assert.equal(granted[0].session_id, granted[1].session_id);
      }));
  });
}
