// Two tabs of one visitor, and a collector that takes its time: what one tab called is not lost with it, and the other sends nothing twice.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ENGINES } from "../support/engines.mjs";
import { assertOnce } from "../support/event-assertions.mjs";
import { slow } from "../support/faulty-proxy.mjs";
import { AT_ONCE, scriptTag, stage } from "../support/fixture.mjs";

const FAULTY = { proxied: true, prints: /Failed to load resource/ };
const pages = (collector) => ({ "/": scriptTag(collector), "/next": scriptTag(collector) });

const ready = () => window.tillroll.ready.then(() => true);
const call = (names) => names.forEach((name) => window.metrilo.customEvent(name));
const names = (tab) => [1, 2, 3].map((at) => `${tab} ${at}`);

/** Opens a second tab beside `page`, both with the core there, and lets the collector answer two seconds late. */
const openTwo = async ({ page, url, proxy, open, stored }) => {
  await open();
  await page.evaluate(ready);
  await stored((events) => events.length > 0);
  const other = await page.context().newPage();
  await other.goto(`${url}/next`);
  await other.evaluate(ready);
  proxy.fault = slow(2_000);
  return other;
};

for (const [name, engine] of Object.entries(ENGINES)) {
  describe(`${name}, two tabs and a slow collector: lost 0, stored twice 0`, AT_ONCE, () => {
    const play = stage({ engine });

    test("both stay", () =>
      play(
        pages,
        async (scene) => {
          const other = await openTwo(scene);
          await scene.page.evaluate(call, names("one"));
          await other.evaluate(call, names("two"));
          await scene.told(scene.page, 40_000);
          const events = await scene.told(other, 40_000);
          assertOnce(events, [...names("one"), ...names("two")]);
          const people = new Set(events.map((event) => `${event.visitor_id} ${event.session_id}`));
          assert.equal(people.size, 1, "one visitor, one visit");
        },
        FAULTY,
      ));

    test("one is closed with its request under way", () =>
      play(
        pages,
        async (scene) => {
          const other = await openTwo(scene);
          await scene.page.evaluate(call, names("stays"));
          const came = scene.proxy.arrival();
          await other.evaluate(call, names("closed"));
          await came;
          await other.close();
          await scene.stored((events) => events.some(({ params }) => params.name === "closed 3"));
          assertOnce(await scene.told(scene.page, 40_000), [...names("stays"), ...names("closed")]);
        },
        FAULTY,
      ));
  });
}
