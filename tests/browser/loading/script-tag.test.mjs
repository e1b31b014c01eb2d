// Every way in which shops load the library. A page says what it calls; the store must have that, in order, and nothing else, and nothing
// may have reached the page's console or `window.onerror`.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { TOKEN } from "../support/collector.mjs";
import { PROTOTYPE } from "../support/prototype-js.mjs";
import { AT_ONCE, scriptTag, stage } from "../support/fixture.mjs";

const play = stage();

const CALLS = `metrilo.viewPage("https://shop.test/", { name: "Home" }); metrilo.addToCart(2, "3");`;
const CALLED = [
  ["page_view", { url: "https://shop.test/", name: "Home" }],
  ["basket_add", { product_id: "2", quantity: 3 }],
];

const inline = (text) => `<script>${text}</script>`;

/** Inserts the library as loaders do; `after` is what they run on the script's `load`. */
const inserted = (src, after = "") => `(function () {
  var script = document.createElement("script");
  script.async = true;
  script.src = ${JSON.stringify(src)};
  script.onload = function () { ${after} };
  var first = document.getElementsByTagName("script")[0];
  first.parentNode.insertBefore(script, first);
})();`;

const source = (collector) => `${collector}/tracking.js?token=${TOKEN}`;
const relative = (collector) => collector.replace("http:", "");

/** A loader of AMD modules, as far as a page needs one: named defines are remembered, anonymous ones belong to whoever loads next. */
const AMD = inline(`
  window.anonymous = 0;
  window.define = function (name) { if (typeof name !== "string") window.anonymous += 1; };
  window.define.amd = {};
  window.require = function (sources, ready) {
    var left = sources.length;
    sources.forEach(function (src) {
      var script = document.createElement("script");
      script.async = true;
      script.onload = function () {
        if (window.anonymous) throw new Error("Mismatched anonymous define()");
        if (!--left) ready();
      };
      script.src = src;
      document.head.appendChild(script);
    });
  };
`);

const queued = (text) => inline(`(window.metriloQueue = window.metriloQueue || []).push(function () { ${text} });`);

const type = (events) => events.map(({ type, params }) => [type, params]);

/** Holds the core back until `release()` is called. */
const hold = async (page, collector) => {
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await page.route(`${collector.url}/assets/*.wasm`, async (route) => (await held, route.continue()));
  return release;
};

/** title: the page's body, and what is stored of it besides the landing (which is always there, once, and first). */
const PAGES = {
  "a plain tag": [(c) => scriptTag(c) + inline(CALLS), CALLED],
  "a plain tag with a protocol-relative address": [(c) => scriptTag(relative(c)) + inline(CALLS), CALLED],
  "an async tag, calls in the queue": [(c) => scriptTag(c, "async") + queued(CALLS), CALLED],
  "an async tag, calls on load": [(c) => scriptTag(c, "async") + inline(`addEventListener("load", function () { ${CALLS} });`), CALLED],
  "a deferred tag, calls in the queue": [(c) => scriptTag(c, "defer") + queued(CALLS), CALLED],
  "a deferred tag, calls when the page is read": [
    (c) => scriptTag(c, "defer") + inline(`document.addEventListener("DOMContentLoaded", function () { ${CALLS} });`),
    CALLED,
  ],
  "inserted by a loader that calls on load": [(c) => inline(inserted(source(c), CALLS)), CALLED],
  "inserted by a loader, protocol-relative": [(c) => inline(inserted(source(relative(c)), CALLS)), CALLED],
  "an AMD loader, which calls as soon as the script has run": [
    (c) => AMD + inline(`require([${JSON.stringify(source(c))}], function () { ${CALLS} });`),
    CALLED,
  ],
  "an AMD loader on the page, and a plain tag": [(c) => AMD + scriptTag(c) + inline(`if (anonymous) throw new Error("define"); ${CALLS}`), CALLED],
  "evaluated by a loader that leaves no current script": [
    (c) => inline(`
      var tag = document.createElement("script");
      tag.type = "text/plain";
      tag.src = ${JSON.stringify(source(c))};
      document.head.appendChild(tag);
      fetch(tag.src).then(function (answer) { return answer.text(); }).then(function (text) { (0, eval)(text); ${CALLS} });
    `),
    CALLED,
  ],
  "the tag twice": [(c) => scriptTag(c) + inline(CALLS) + scriptTag(c) + queued(`metrilo.checkout();`), [...CALLED, ["checkout", {}]]],
  "the tag twice, the second time late and for another token": [
    (c) => scriptTag(c) + inline(CALLS) + inline(inserted(`${c}/tracking.js?token=other`, "metrilo.checkout();")),
    [...CALLED, ["checkout", {}]],
  ],
  "calls before, between and after": [
    (c) => queued(`metrilo.viewCategory(1);`) + scriptTag(c) + inline(CALLS) + queued(`metrilo.checkout();`) + inline(`metrilo.viewProduct(2);`),
    [["category_view", { id: "1" }], ...CALLED, ["checkout", {}], ["product_view", { product_id: "2" }]],
  ],
  "a queue with throwing and foreign entries": [
    (c) =>
      inline(`window.metriloQueue = [
        function () { metrilo.viewCategory(1); },
        function () { throw new Error("a theme's own mistake"); },
        "foreign", null, undefined, 7, {}, ["viewPage"],
        function () { metriloQueue.push(function () { metrilo.viewCategory(2); }); },
        function () { metrilo.viewCategory(arguments.length + 3); },
      ];`) +
      scriptTag(c) +
      inline(`
        metriloQueue.push(function () { throw new Error("and another"); }, "foreign", function () { metrilo.viewCategory(4); });
        metriloQueue.push();
        metriloQueue.push(null);
      `),
    [1, 2, 3, 4].map((id) => ["category_view", { id: String(id) }]),
  ],
  "a queue that is none": [(c) => inline(`window.metriloQueue = "none";`) + scriptTag(c) + queued(CALLS), CALLED],
  "the guide's own way to wait for it": [
    (c) =>
      inline(`(function () {
        const f = function () { ${CALLS} };
        if (typeof window.metrilo !== "undefined" && typeof window.metrilo.integrateForm !== "undefined") f();
        else { window.metriloQueue = window.metriloQueue || []; window.metriloQueue.push(f); }
      })();`) + scriptTag(c, "async"),
    CALLED,
  ],
  "something of the page's under our name": [(c) => inline(`window.metrilo = Object.freeze({ theirs: 1 });`) + scriptTag(c) + inline(CALLS), CALLED],
  "a text under our name": [(c) => inline(`window.metrilo = "loading";`) + scriptTag(c) + inline(CALLS), CALLED],
  "elements whose ids are our names": [
    (c) => `<div id="metrilo"></div><div id="tillroll"></div><form id="metriloQueue"></form>` + scriptTag(c) + inline(CALLS),
    CALLED,
  ],
  "an element called like a member of the document": [(c) => `<img name="title"><img name="referrer">` + scriptTag(c) + inline(CALLS), CALLED],
  "a theme with the Prototype library": [
    (c) =>
      inline(PROTOTYPE + `Object.prototype.extend = function () {};`) +
      scriptTag(c) +
      inline(CALLS + `metrilo.applyTags(["a", "b"]);`),
    [...CALLED, ["tag", { tags: ["a", "b"] }]],
  ],
  "events for another host than the script's": [
    (c) => scriptTag(c, `data-collector="${relative(c).replace("127.0.0.1", "localhost")}"`) + inline(CALLS),
    CALLED,
  ],
  "a page that says nothing": [(c) => scriptTag(c), []],
};

describe("loading the library", AT_ONCE, () => {
  for (const [title, [body, expected]] of Object.entries(PAGES)) {
    test(title, () =>
      play(
        (collector) => ({ "/": body(collector) }),
        async ({ page, url, open, told }) => {
          await open();
          await page.waitForFunction(() => window.metrilo && window.tillroll);
          await page.waitForLoadState("load");
          const [land, ...events] = await told();
          assert.deepEqual([land.type, land.api, land.params], ["land", "tillroll", { current_url: `${url}/`, source_url: "" }]);
          assert.deepEqual(type(events), expected);
          assert.deepEqual([...new Set(events.map((event) => event.api))], expected.length ? ["metrilo"] : []);
          assert.equal(new Set(events.map((event) => event.id)).size, events.length);
        },
      ),
    );
  }

  test("the Prototype library of a theme changes neither ids nor what is meant", () =>
    play(
      (collector) => ({
        "/":
          inline(PROTOTYPE) +
          scriptTag(collector) +
          inline(`
            ometria.init("basket");
            var basket = new ometria.Basket();
            basket.addLineItem("1", 2, 5);
            basket.addLineItem("2", 1, 5);
            ometria.setBasket(basket);
            metrilo.event("add_to_cart", { id: 1, option_id: 2 });
            metrilo.event("order", { order_id: 5, items: [{ id: 1, quantity: 2 }, { id: 3 }] });
          `),
      }),
      async ({ page, url, open, told }) => {
        await open();
        assert.equal(await page.evaluate(() => window.ometria.basket.size), 3);
        const lines = [{ product_id: "1", quantity: 2, price: 5 }, { product_id: "2", quantity: 1, price: 5 }];
        const [land, ...events] = await told();
        assert.match(land.visitor_id, /^[0-9a-f]{42}$/);
        assert.deepEqual(type(events), [
          ["page_view", { url: `${url}/`, page_type: "basket" }],
          ["basket_update", { lines, changes: lines.map(({ product_id, quantity }) => ({ product_id, from: 0, to: quantity })) }],
          ["basket_add", { product_id: "2", quantity: 1 }],
          ["order", { order_id: "5", lines: [{ product_id: "1", quantity: 2 }, { product_id: "3", quantity: 1 }] }],
        ]);
      },
    ));

  test("a tag manager inserts it long after the calls, which keep their order", () =>
    play(
      () => ({ "/": queued(`metrilo.viewCategory(1);`) + queued(CALLS) }),
      async ({ page, open, collector, told }) => {
        await open();
        assert.equal(await page.evaluate(() => typeof window.metrilo), "undefined");
        await page.evaluate(inserted(source(collector.url), `metriloQueue.push(function () { metrilo.checkout(); });`));
        await page.waitForFunction(() => window.tillroll);
        const [, ...events] = await told();
        assert.deepEqual(type(events), [["category_view", { id: "1" }], ...CALLED, ["checkout", {}]]);
      },
    ));

  test("calls made before the core has arrived keep their own times", () =>
    play(
      (collector) => ({ "/": scriptTag(collector) }),
      async ({ page, open, told, collector }) => {
        const release = await hold(page, collector);
        await open();
        const before = await page.evaluate(() => [Date.now(), window.metrilo.viewCategory(1), Date.now()]);
        await page.waitForFunction((then) => Date.now() > then + 50, before[2]);
        release();
        const after = await page.evaluate(async () => (await window.tillroll.ready, window.metrilo.checkout(), Date.now()));
        const [, view, checkout] = await told();
        assert.ok(view.time >= before[0] && view.time <= before[2], `${view.time} is not within ${before}`);
        assert.ok(checkout.time > before[2] && checkout.time <= after);
      },
    ));

  /** Watches what the collector answers; it refuses a whole batch where something in it is no event. */
  const answers = (page) => {
    const statuses = [];
    page.on("response", (response) => response.request().method() === "POST" && statuses.push(response.status()));
    return async () => (await page.evaluate(() => window.tillroll.flush()), [...new Set(statuses)]);
  };

  test("early calls that mean nothing leave nothing behind", () =>
    play(
      (collector) => ({ "/": scriptTag(collector) + inline(`metrilo.identify(""); metrilo.viewCategory(); ${CALLS}`) }),
      async ({ page, open, told, collector }) => {
        const statuses = answers(page);
        const release = await hold(page, collector);
        await open();
        release();
        assert.deepEqual(type((await told()).slice(1)), CALLED);
        assert.deepEqual(await statuses(), [200]);
      },
    ));

  test("a known visitor, identified on every page before the core has arrived", () =>
    play(
      (collector) => ({ "/": scriptTag(collector) + inline(`metrilo.identify("johny@x.com"); metrilo.viewCategory(1);`) }),
      async ({ page, open, told, collector }) => {
        const statuses = answers(page);
        for (const wanted of [1, 2]) {
          const release = await hold(page, collector);
          await open();
          release();
          const events = (await told()).filter(({ type }) => type !== "land");
          assert.deepEqual(type(events), [["identify", { email: "johny@x.com" }], ...Array(wanted).fill(["category_view", { id: "1" }])]);
        }
        assert.deepEqual(await statuses(), [200]);
      },
    ));

  test("calls of a page whose core never arrived are sent by the next page", () =>
    play(
      (collector) => ({ "/": scriptTag(collector) + inline(CALLS), "/next": scriptTag(collector) + inline(`metrilo.checkout();`) }),
      async ({ page, url, open, stored, collector }) => {
        const statuses = answers(page);
        await hold(page, collector);
        await open();
        await page.unroute(`${collector.url}/assets/*.wasm`);
        await open("/next");
        // They come behind what the next page says: it has the store's content last.
        const calls = (events) => events.filter(({ type }) => type !== "land");
        const events = calls(await stored((events) => calls(events).length >= 3));
        const byType = (wanted) => events.filter(({ type }) => type === wanted);
        assert.deepEqual(type([...byType("page_view"), ...byType("basket_add"), ...byType("checkout")]), [...CALLED, ["checkout", {}]]);
        assert.equal(events.length, 3);
        assert.equal(byType("page_view")[0].page.url, `${url}/`);
        assert.ok(byType("page_view")[0].time <= byType("checkout")[0].time);
        assert.deepEqual(await statuses(), [200]);
      },
    ));
});
