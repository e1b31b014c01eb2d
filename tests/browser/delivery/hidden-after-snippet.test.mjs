// The library never loaded on a page with the inline snippet. The next page sends its calls before it has a core, and finds the snippet's
// calls once it has one: all of them belong to the visitor and the session that the collector has made by then.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { PERSISTENT_SNIPPET } from "../support/documented-snippet.mjs";
import { ENGINES } from "../support/engines.mjs";
import { assertStoredOnce } from "../support/event-assertions.mjs";
import { respondWith } from "../support/faulty-proxy.mjs";
import { createFixture, PARALLEL, scriptTag } from "../support/fixture.mjs";

const pages = (collector) => ({
  "/snippet": `${PERSISTENT_SNIPPET}<script>metrilo.customEvent("of the snippet");</script>`,
  "/": `${scriptTag(collector)}<script>metrilo.customEvent("of the page");</script>`,
  "/next": scriptTag(collector),
  "/empty": "",
});
const NAMES = ["of the page", "of the snippet"];

/** What the engines print about a core that fails to load. */
const LOAD_ERRORS = /Failed to load|Loading (failed|module)|Cross-Origin Request/;

/** Runs in the page: resolves to whether the library has a core. */
const hasCore = () => window.tillroll.ready.then(() => true, () => false);
const hide = () => void document.dispatchEvent(new Event("visibilitychange"));
const isFirstPageSent = (events) => events.some(({ params }) => params.name === "of the page");

const assertOneVisitor = (events) => {
  assertStoredOnce(events, NAMES);
  assert.equal(events.filter(({ type }) => type === "land").length, 1);
  for (const field of ["visitor_id", "session_id"]) assert.equal(new Set(events.map((event) => event[field])).size, 1, field);
};

/** Opens a page with nothing but the snippet, then one whose core fails to load. */
const openWithoutCore = async ({ page, open, proxy }) => {
  await open("/snippet");
  proxy.assetFault = respondWith(503);
  await open();
  assert.equal(await page.evaluate(hasCore), false);
};

const CASES = {
  "is hidden, and gets its core later": async (fixture) => {
    const { page, proxy, waitForEvents, allEvents } = fixture;
    await openWithoutCore(fixture);
    await page.evaluate(hide);
    await waitForEvents(isFirstPageSent);
    proxy.assetFault = undefined;
    await page.evaluate(() => void dispatchEvent(new Event("online")));
    assertOneVisitor(await allEvents());
  },
  "is left for a page with a core": async (fixture) => {
    const { open, proxy, waitForEvents, allEvents } = fixture;
    await openWithoutCore(fixture);
    await open("/empty");
    await waitForEvents(isFirstPageSent);
    proxy.assetFault = undefined;
    await open("/next");
    assertOneVisitor(await allEvents());
  },
};

for (const [name, engine] of Object.entries(ENGINES)) {
  describe(`${name}, a page after one with nothing but the snippet, which has no core yet and`, PARALLEL, () => {
    const withPage = createFixture({ engine });
    for (const [title, act] of Object.entries(CASES)) test(title, () => withPage(pages, act, { useProxy: true, allowedErrors: LOAD_ERRORS }));
  });
}
