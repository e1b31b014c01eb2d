// Two tabs of one visitor and a slow collector. The calls of a closed tab are delivered, and the other tab duplicates nothing.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ENGINES } from "../support/engines.mjs";
import { assertStoredOnce } from "../support/event-assertions.mjs";
import { delayedResponse } from "../support/faulty-proxy.mjs";
import { createFixture, PARALLEL, scriptTag } from "../support/fixture.mjs";

const WITH_PROXY = { useProxy: true, allowedErrors: /Failed to load resource/ };
const pages = (collector) => ({ "/": scriptTag(collector), "/next": scriptTag(collector) });

const whenReady = () => window.tillroll.ready.then(() => true);
const sendEvents = (names) => names.forEach((name) => window.metrilo.customEvent(name));
const namesOf = (tab) => [1, 2, 3].map((at) => `${tab} ${at}`);

/** Opens a second tab, waits until both tabs have the core, and delays the collector's responses by two seconds. */
const openSecondTab = async ({ page, url, proxy, open, waitForEvents }) => {
  await open();
  await page.evaluate(whenReady);
  await waitForEvents((events) => events.length > 0);
  const other = await page.context().newPage();
  await other.goto(`${url}/next`);
  await other.evaluate(whenReady);
  proxy.fault = delayedResponse(2_000);
  return other;
};

for (const [name, engine] of Object.entries(ENGINES)) {
  describe(`${name}, with two tabs and a slow collector no event is lost or duplicated`, PARALLEL, () => {
    const withPage = createFixture({ engine });

    test("both tabs stay open", () =>
      withPage(
        pages,
        async (fixture) => {
          const other = await openSecondTab(fixture);
          await fixture.page.evaluate(sendEvents, namesOf("one"));
          await other.evaluate(sendEvents, namesOf("two"));
          await fixture.allEvents(fixture.page, 40_000);
          const events = await fixture.allEvents(other, 40_000);
          assertStoredOnce(events, [...namesOf("one"), ...namesOf("two")]);
          const identities = new Set(events.map((event) => `${event.visitor_id} ${event.session_id}`));
          assert.equal(identities.size, 1, "both tabs have the same visitor and session");
        },
        WITH_PROXY,
      ));

    test("one tab is closed while its request is in flight", () =>
      withPage(
        pages,
        async (fixture) => {
          const other = await openSecondTab(fixture);
          await fixture.page.evaluate(sendEvents, namesOf("stays"));
          const batchReceived = fixture.proxy.nextBatch();
          await other.evaluate(sendEvents, namesOf("closed"));
          await batchReceived;
          await other.close();
          await fixture.waitForEvents((events) => events.some(({ params }) => params.name === "closed 3"));
          assertStoredOnce(await fixture.allEvents(fixture.page, 40_000), [...namesOf("stays"), ...namesOf("closed")]);
        },
        WITH_PROXY,
      ));
  });
}
