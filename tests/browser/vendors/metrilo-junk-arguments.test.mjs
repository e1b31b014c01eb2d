// A page that calls every function with random junk: no call throws, the page logs no error, and a valid call afterwards is stored. Failures
// name the seed of the random generator; the environment variable TILLROLL_SEED repeats a run.

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";

import { expand } from "../../compat/support/expand-markers.mjs";
import { createFixture, scriptTag } from "../support/fixture.mjs";

const withPage = createFixture();

const SEED = Number(process.env.TILLROLL_SEED ?? randomInt(2 ** 31));
const CALLS_PER_FUNCTION = 10;
const FUNCTIONS = [
  "identify", "customerDetails", "viewPage", "viewArticle", "viewCategory", "viewProduct", "search", "addToCart", "removeFromCart", "checkout",
  "applyTags", "customEvent", "integrateForm", "event", "track", "pageview", "purchase", "load", "debug", "atr",
];

/** Runs in the page: calls each function `times` times; returns what was thrown, and the number of calls. */
const callWithJunk = ([functions, times, seed, text]) => {
  const expand = eval(text);
  let state = seed;
  /** Returns a random integer from 0 to `end` - 1, by the generator mulberry32. */
  const randomBelow = (end) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % end;
  };
  const pick = (list) => list[randomBelow(list.length)];
  const names = ["id", "name", "url", "email", "tags", "items", "formSelector", "firstName", "subscribed", "option_id", "length", "toJSON", "then", "__proto__", "constructor"];
  const events = ["pageview", "view_product", "add_to_cart", "search", "apply_tags", "order", "__proto__", "toString"];
  const words = ["", " ", "0", "-1", "1e999", "null", "undefined", "@", "a@", "<script>", "\u0000", "\u001f", "{}", "'\"`", "💥", "😀".repeat(99), "][", "form", ...events];
  const markers = [
    { $: "undefined" }, { $: "nan" }, { $: "infinity" }, { $: "symbol" }, { $: "bigint", text: "123456789012345678901234567890" }, { $: "function" },
    { $: "proxy" }, { $: "listProxy" }, { $: "revoked" }, { $: "throwing", name: "name", rest: { id: 1 } }, { $: "unprintable" }, { $: "toJsonThrows" },
    { $: "toJson", value: { $: "function" } }, { $: "boxed", value: "x" }, { $: "date", time: "never" }, { $: "bare" }, { $: "cycle", rest: { id: 1 } },
    { $: "cyclicList" }, { $: "sparse", length: 4294967295, at: 7, value: 1 }, { $: "map" }, { $: "bytes", length: 100000 }, { $: "world" },
    { $: "half", text: " x" }, { $: "repeat", text: "long ", times: 200000 }, { $: "nest", times: 5000, inside: 1 },
  ];
  const junk = (depth) => {
    const kind = randomBelow(depth ? 10 : 6);
    if (kind < 2) return pick(words);
    if (kind < 3) return pick([0, -0, 1, -1, 0.1, 1e21, 2 ** 53, true, false, null]);
    if (kind < 6) return expand(pick(markers));
    if (kind < 7) return pick([document, document.body, document.createElement("input"), location, history, new Error("x"), /x/g, Promise.resolve(), new Event("x"), new WeakMap()]);
    if (kind < 8) return Array.from({ length: randomBelow(5) }, () => junk(depth - 1));
    const object = {};
    for (let left = randomBelow(5); left; left--) Object.defineProperty(object, pick(names), { value: junk(depth - 1), enumerable: true, configurable: true });
    return object;
  };
  const thrown = [];
  let calls = 0;
  for (const name of functions) {
    for (let time = 0; time < times; time++) {
      const args = Array.from({ length: randomBelow(4) }, () => junk(3));
      calls++;
      try {
        if (window.metrilo[name](...args) !== undefined) thrown.push(`${name} returned something`);
      } catch (error) {
        thrown.push(`${name}, call ${time}: ${error && error.stack}`);
      }
    }
  }
  return [thrown, calls];
};

const scriptArgument = (times, seed) => [FUNCTIONS, times, seed, `(${expand})`];

/** Asserts that the last events are the valid calls. */
const assertValidCallsLast = (events, ids) => {
  const last = events.slice(-ids.length).map(({ type, params }) => [type, params]);
  assert.deepEqual(last, ids.map((id) => ["product_view", { product_id: id }]), `seed ${SEED}`);
};

for (const stub of [false, true]) {
  test(`ten calls of every function with junk do not throw, and a valid call afterwards is stored, ${stub ? "on a page with a stub" : "on a plain page"}`, (t) =>
    withPage(
      (collector) => ({ "/": (stub ? "<script>window.metrilo = Object.assign([], { queue: [] })</script>" : "") + scriptTag(collector) + "<form><input name=email></form>" }),
      async ({ page, open, allEvents, collector }) => {
        t.diagnostic(`seed ${SEED}`);
        let release;
        const unblocked = new Promise((resolve) => (release = resolve));
        await page.route(`${collector.url}/assets/*.wasm`, async (route) => (await unblocked, route.continue()));
        await open();
        const early = await page.evaluate(callWithJunk, scriptArgument(CALLS_PER_FUNCTION, SEED));
        assert.deepEqual(early, [[], FUNCTIONS.length * CALLS_PER_FUNCTION], `seed ${SEED}`);
        await page.evaluate(() => window.metrilo.viewProduct("early"));
        release();
        assertValidCallsLast(await allEvents(), ["early"]);
        const late = await page.evaluate(callWithJunk, scriptArgument(CALLS_PER_FUNCTION, SEED + 1));
        assert.deepEqual(late, [[], FUNCTIONS.length * CALLS_PER_FUNCTION], `seed ${SEED}`);
        await page.evaluate(() => window.metrilo.viewProduct("late"));
        const events = await allEvents();
        assertValidCallsLast(events, ["late"]);
        assert.equal(new Set(events.map((event) => event.id)).size, events.length);
      },
    ));
}
