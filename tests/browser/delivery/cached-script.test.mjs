// A browser has the script of another version in its cache, and the collector gives it the present core. The two refuse each other: the page
// stores its calls, sends them when it closes, and the next page sends the rest. No call is lost or duplicated.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { TOKEN } from "../support/collector.mjs";
import { ENGINES } from "../support/engines.mjs";
import { assertStoredOnce } from "../support/event-assertions.mjs";
import { createFixture, PARALLEL, scriptTag } from "../support/fixture.mjs";

const PRESENT = readFileSync(new URL("../../../dist/tracking.js", import.meta.url), "utf8");
/** The present script, which asks for a core of another version. */
const OTHER = PRESENT.replace(/\.load\d+\(\)/, ".load0()");

const pages = (collector) => ({
  "/": `<script src="/cached.js" data-token="${TOKEN}" data-collector="${collector}"></script><script>metrilo.customEvent("first");</script>`,
  "/cached.js": () => ({ body: OTHER }),
  "/next": scriptTag(collector),
  "/empty": "",
});

const sendEvent = (name) => window.metrilo.customEvent(name);
const hasEvent = (name) => (events) => events.some(({ params }) => params.name === name);
/** Runs in the page: resolves to whether the library has a core. */
const hasCore = () => window.tillroll.ready.then(() => true, () => false);

const CASES = {
  "which is left: its calls are sent": async ({ page, open, waitForEvents, allEvents }) => {
    await open();
    assert.equal(await page.evaluate(hasCore), false);
    await page.evaluate(sendEvent, "second");
    await open("/empty");
    assertStoredOnce(await waitForEvents(hasEvent("second")), ["first", "second"]);
    await open("/next");
    assertStoredOnce(await allEvents(), ["first", "second"]);
  },
  "whose beacon is lost: the next page sends its calls": async ({ page, open, proxy, allEvents }) => {
    await open();
    assert.equal(await page.evaluate(hasCore), false);
    await page.evaluate(sendEvent, "second");
    proxy.fault = { status: 503, headers: {}, body: "" };
    await open("/empty");
    proxy.fault = undefined;
    await open("/next");
    const events = await allEvents();
    assertStoredOnce(events, ["first", "second"]);
    assert.equal(new Set(events.map((event) => event.visitor_id)).size, 1);
  },
};

for (const [name, engine] of Object.entries(ENGINES)) {
  describe(`${name}, a page with a cached script of another version`, PARALLEL, () => {
    const withPage = createFixture({ engine });
    test("the present script names the version of its core", () => assert.notEqual(OTHER, PRESENT));
    for (const [title, act] of Object.entries(CASES)) test(title, () => withPage(pages, act, { useProxy: true, allowedErrors: /Failed to load resource/ }));
  });
}
