// Every way in which shops load the library. The collector must store exactly the calls of the page, in order, and the page's console and
// `window.onerror` must get no error.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { TOKEN } from "../support/collector.mjs";
import { createFixture, PARALLEL, scriptTag } from "../support/fixture.mjs";
import { PROTOTYPE_JS } from "../support/prototype-js.mjs";

const withPage = createFixture();

/** The library, for pages that have it as a file of their own. */
const SCRIPT = new URL("../../../dist/tracking.js", import.meta.url);

const CALLS = `metrilo.viewPage("https://shop.test/", { name: "Home" }); metrilo.addToCart(2, "3");`;
const CALLED = [
  ["page_view", { url: "https://shop.test/", name: "Home" }],
  ["basket_add", { product_id: "2", quantity: 3 }],
];

const inline = (text) => `<script>${text}</script>`;

/** Returns a script that inserts the library as loaders do; `onLoad` is the code that it runs on the script's `load` event. */
const insertScript = (src, onLoad = "") => `(function () {
  var script = document.createElement("script");
  script.async = true;
  script.src = ${JSON.stringify(src)};
  script.onload = function () { ${onLoad} };
  var first = document.getElementsByTagName("script")[0];
  first.parentNode.insertBefore(script, first);
})();`;

const scriptUrl = (collector) => `${collector}/tracking.js?token=${TOKEN}`;
const protocolRelative = (collector) => collector.replace("http:", "");

/** A minimal AMD loader: it fails if a script calls `define` without a name. */
const AMD_LOADER = inline(`
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

const queueCalls = (text) => inline(`(window.metriloQueue = window.metriloQueue || []).push(function () { ${text} });`);

const typesAndParams = (events) => events.map(({ type, params }) => [type, params]);

/** Blocks the core; returns `release()`, which lets it load. */
const blockCore = async (page, collector) => {
  let release;
  const unblocked = new Promise((resolve) => (release = resolve));
  await page.route(`${collector.url}/assets/*.wasm`, async (route) => (await unblocked, route.continue()));
  return release;
};

/** title: the page's body, and the stored events without the landing, which is always the first. */
const PAGES = {
  "a plain tag": [(c) => scriptTag(c) + inline(CALLS), CALLED],
  "a plain tag with a protocol-relative address": [(c) => scriptTag(protocolRelative(c)) + inline(CALLS), CALLED],
  "a tag whose address ends in a slash": [(c) => scriptTag(c).replace(".js?", ".js/?") + inline(CALLS), CALLED],
  "the address of Metrilo's first tag, with a slash at its end": [(c) => `<script src="${c}/j/${TOKEN}.js/"></script>` + inline(CALLS), CALLED],
  "a tag with attributes of the shop": [(c) => scriptTag(c, 'data-base="/de/" data-visitor="no"') + inline(CALLS), CALLED],
  "an async tag, calls in the queue": [(c) => scriptTag(c, "async") + queueCalls(CALLS), CALLED],
  "an async tag, calls on load": [(c) => scriptTag(c, "async") + inline(`addEventListener("load", function () { ${CALLS} });`), CALLED],
  "a deferred tag, calls in the queue": [(c) => scriptTag(c, "defer") + queueCalls(CALLS), CALLED],
  "a deferred tag, calls on DOMContentLoaded": [
    (c) => scriptTag(c, "defer") + inline(`document.addEventListener("DOMContentLoaded", function () { ${CALLS} });`),
    CALLED,
  ],
  "inserted by a loader that calls on load": [(c) => inline(insertScript(scriptUrl(c), CALLS)), CALLED],
  "inserted by a loader, protocol-relative": [(c) => inline(insertScript(scriptUrl(protocolRelative(c)), CALLS)), CALLED],
  "an AMD loader that calls when the script has run": [
    (c) => AMD_LOADER + inline(`require([${JSON.stringify(scriptUrl(c))}], function () { ${CALLS} });`),
    CALLED,
  ],
  "an AMD loader on the page, and a plain tag": [(c) => AMD_LOADER + scriptTag(c) + inline(`if (anonymous) throw new Error("define"); ${CALLS}`), CALLED],
  "evaluated by a loader, without a current script": [
    (c) => inline(`
      var tag = document.createElement("script");
      tag.type = "text/plain";
      tag.src = ${JSON.stringify(scriptUrl(c))};
      tag.dataset.token = ${JSON.stringify(TOKEN)};
      tag.dataset.collector = ${JSON.stringify(c)};
      document.head.appendChild(tag);
      fetch(tag.src).then(function (answer) { return answer.text(); }).then(function (text) { (0, eval)(text); ${CALLS} });
    `),
    CALLED,
  ],
  "a merged file with options of the page, behind a script of another vendor with a token": [
    (c) =>
      `<script data-token="w-123"></script>` +
      inline(`
        window.tillrollOptions = { token: ${JSON.stringify(TOKEN)}, collector: ${JSON.stringify(c)} };
        fetch(${JSON.stringify(scriptUrl(c))}).then(function (answer) { return answer.text(); }).then(function (text) { (0, eval)(text); ${CALLS} });
      `),
    CALLED,
  ],
  "nothing under the library's own name": [(c) => inline(`window.tillroll = null;`) + scriptTag(c) + inline(CALLS), CALLED],
  "the tag twice": [(c) => scriptTag(c) + inline(CALLS) + scriptTag(c) + queueCalls(`metrilo.checkout();`), [...CALLED, ["checkout", {}]]],
  "the tag twice, the second one later and with another token": [
    (c) => scriptTag(c) + inline(CALLS) + inline(insertScript(`${c}/tracking.js?token=other`, "metrilo.checkout();")),
    [...CALLED, ["checkout", {}]],
  ],
  "calls before, between and after the tag": [
    (c) => queueCalls(`metrilo.viewCategory(1);`) + scriptTag(c) + inline(CALLS) + queueCalls(`metrilo.checkout();`) + inline(`metrilo.viewProduct(2);`),
    [["category_view", { id: "1" }], ...CALLED, ["checkout", {}], ["product_view", { product_id: "2" }]],
  ],
  "a queue with throwing and invalid entries": [
    (c) =>
      inline(`window.metriloQueue = [
        function () { metrilo.viewCategory(1); },
        function () { throw new Error("an error of the theme"); },
        "invalid", null, undefined, 7, {}, ["viewPage"],
        function () { metriloQueue.push(function () { metrilo.viewCategory(2); }); },
        function () { metrilo.viewCategory(arguments.length + 3); },
      ];`) +
      scriptTag(c) +
      inline(`
        metriloQueue.push(function () { throw new Error("another error"); }, "invalid", function () { metrilo.viewCategory(4); });
        metriloQueue.push();
        metriloQueue.push(null);
      `),
    [1, 2, 3, 4].map((id) => ["category_view", { id: String(id) }]),
  ],
  "a queue that is not an array": [(c) => inline(`window.metriloQueue = "none";`) + scriptTag(c) + queueCalls(CALLS), CALLED],
  "the wait loop of Metrilo's guide": [
    (c) =>
      inline(`(function () {
        const f = function () { ${CALLS} };
        if (typeof window.metrilo !== "undefined" && typeof window.metrilo.integrateForm !== "undefined") f();
        else { window.metriloQueue = window.metriloQueue || []; window.metriloQueue.push(f); }
      })();`) + scriptTag(c, "async"),
    CALLED,
  ],
  "a frozen object of the page under the library's name": [(c) => inline(`window.metrilo = Object.freeze({ ofPage: 1 });`) + scriptTag(c) + inline(CALLS), CALLED],
  "a string under the library's name": [(c) => inline(`window.metrilo = "loading";`) + scriptTag(c) + inline(CALLS), CALLED],
  "elements whose ids are the library's names": [
    (c) => `<div id="metrilo"></div><div id="tillroll"></div><form id="metriloQueue"></form>` + scriptTag(c) + inline(CALLS),
    CALLED,
  ],
  "elements whose names shadow properties of the document": [(c) => `<img name="title"><img name="referrer">` + scriptTag(c) + inline(CALLS), CALLED],
  "a theme with the Prototype library": [
    (c) =>
      inline(PROTOTYPE_JS + `Object.prototype.extend = function () {};`) +
      scriptTag(c) +
      inline(CALLS + `metrilo.applyTags(["a", "b"]);`),
    [...CALLED, ["tag", { tags: ["a", "b"] }]],
  ],
  "a collector at another host than the script's": [
    (c) => scriptTag(c, `data-collector="${protocolRelative(c).replace("127.0.0.1", "localhost")}"`) + inline(CALLS),
    CALLED,
  ],
  "a page without calls": [(c) => scriptTag(c), []],
};

describe("loading the library", PARALLEL, () => {
  for (const [title, [body, expected]] of Object.entries(PAGES)) {
    test(title, () =>
      withPage(
        (collector) => ({ "/": body(collector) }),
        async ({ page, url, open, allEvents }) => {
          await open();
          await page.waitForFunction(() => window.metrilo && window.tillroll);
          await page.waitForLoadState("load");
          const [landing, ...events] = await allEvents();
          assert.deepEqual([landing.type, landing.api, landing.params], ["land", "tillroll", { current_url: `${url}/`, source_url: "" }]);
          assert.deepEqual(typesAndParams(events), expected);
          assert.deepEqual([...new Set(events.map((event) => event.api))], expected.length ? ["metrilo"] : []);
          assert.equal(new Set(events.map((event) => event.id)).size, events.length);
        },
        { allowedErrors: title.includes("another token") ? /^tillroll: wrong token\/collector$/ : undefined },
      ),
    );
  }

  test("options of the page count beside the token in the tag's address", () =>
    withPage(
      (collector) => ({
        "/": inline(`window.tillrollOptions = { consent: "pending", token: "other", collector: "https://other.example/" };`) + scriptTag(collector) + inline(CALLS),
      }),
      async ({ page, open, allEvents }) => {
        await open();
        await page.evaluate(() => window.tillroll.ready);
        assert.deepEqual(await page.evaluate(() => [document.cookie, localStorage.length]), ["", 0]);
        await page.evaluate(() => window.tillroll.consent("granted"));
        assert.deepEqual(typesAndParams((await allEvents()).slice(1)), CALLED);
      },
    ));

  const PROJECT = (collector) => `data-token="${TOKEN}" data-collector="${collector}/"`;
  const pageOptions = (options) => inline(`window.tillrollOptions = ${JSON.stringify(options)};`);
  /** title: the elements in front of the calls; the options of consent and of the project stand in different places. */
  const SCATTERED_OPTIONS = {
    "consent on the tag of a copy, the project in the page's options": (c) =>
      pageOptions({ token: TOKEN, collector: c }) + `<script src="/copy.js" data-consent="pending"></script>`,
    "consent on the tag of the collector's script, the project in the page's options": (c) =>
      pageOptions({ token: TOKEN, collector: c }) + `<script src="${c}/tracking.js" data-consent="pending"></script>`,
    "consent in the page's options, the project on a module": (c) => pageOptions({ consent: "pending" }) + `<script type="module" src="/copy.js" ${PROJECT(c)}></script>`,
    "consent in the page's options, the project on another tag": (c) =>
      pageOptions({ consent: "pending" }) + `<script type="text/plain" ${PROJECT(c)}></script><script src="/copy.js"></script>`,
  };

  for (const [title, head] of Object.entries(SCATTERED_OPTIONS)) {
    test(`${title}: nothing is stored before consent is granted`, () =>
      withPage(
        (collector) => ({ "/": head(collector), "/copy.js": () => ({ type: "text/javascript", body: readFileSync(SCRIPT) }) }),
        async ({ page, open, allEvents }) => {
          await open();
          await page.waitForFunction(() => window.tillroll);
          await page.evaluate(() => (window.metrilo.checkout(), window.tillroll.ready));
          assert.deepEqual(await page.evaluate(() => [document.cookie, localStorage.length]), ["", 0]);
          await page.evaluate(() => window.tillroll.consent("granted"));
          assert.deepEqual(typesAndParams((await allEvents()).slice(1)), [["checkout", {}]]);
        },
      ));
  }

  test("the Prototype library of a theme changes neither ids nor parameters", () =>
    withPage(
      (collector) => ({
        "/":
          inline(PROTOTYPE_JS) +
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
      async ({ page, url, open, allEvents }) => {
        await open();
        assert.equal(await page.evaluate(() => window.ometria.basket.size), 3);
        const lines = [{ product_id: "1", quantity: 2, price: 5 }, { product_id: "2", quantity: 1, price: 5 }];
        const [landing, ...events] = await allEvents();
        assert.match(landing.visitor_id, /^[0-9a-f]{42}$/);
        assert.deepEqual(typesAndParams(events), [
          ["page_view", { url: `${url}/`, page_type: "basket" }],
          ["basket_update", { lines, changes: lines.map(({ product_id, quantity }) => ({ product_id, from: 0, to: quantity })) }],
          ["basket_add", { product_id: "2", quantity: 1 }],
          ["order", { order_id: "5", lines: [{ product_id: "1", quantity: 2 }, { product_id: "3", quantity: 1 }] }],
        ]);
      },
    ));

  test("a tag manager inserts the script long after the calls, which keep their order", () =>
    withPage(
      () => ({ "/": queueCalls(`metrilo.viewCategory(1);`) + queueCalls(CALLS) }),
      async ({ page, open, collector, allEvents }) => {
        await open();
        assert.equal(await page.evaluate(() => typeof window.metrilo), "undefined");
        await page.evaluate(insertScript(scriptUrl(collector.url), `metriloQueue.push(function () { metrilo.checkout(); });`));
        await page.waitForFunction(() => window.tillroll);
        const [, ...events] = await allEvents();
        assert.deepEqual(typesAndParams(events), [["category_view", { id: "1" }], ...CALLED, ["checkout", {}]]);
      },
    ));

  test("calls before the core has loaded keep their own times", () =>
    withPage(
      (collector) => ({ "/": scriptTag(collector) }),
      async ({ page, open, allEvents, collector }) => {
        const release = await blockCore(page, collector);
        await open();
        const [start, , end] = await page.evaluate(() => [Date.now(), window.metrilo.viewCategory(1), Date.now()]);
        await page.waitForFunction((then) => Date.now() > then + 50, end);
        release();
        const checkoutEnd = await page.evaluate(async () => (await window.tillroll.ready, window.metrilo.checkout(), Date.now()));
        const [, view, checkout] = await allEvents();
        assert.ok(view.time >= start && view.time <= end, `${view.time} is not between ${start} and ${end}`);
        assert.ok(checkout.time > end && checkout.time <= checkoutEnd);
      },
    ));

  /** Records the statuses of the collector's responses. It rejects a whole batch if an item is not an event. */
  const recordStatuses = (page) => {
    const statuses = [];
    page.on("response", (response) => response.url().endsWith("/v2/calls") && response.request().method() === "POST" && statuses.push(response.status()));
    return async () => (await page.evaluate(() => window.tillroll.flush()), [...new Set(statuses)]);
  };

  test("invalid calls before the core has loaded are ignored", () =>
    withPage(
      (collector) => ({ "/": scriptTag(collector) + inline(`metrilo.identify(""); metrilo.viewCategory(); ${CALLS}`) }),
      async ({ page, open, allEvents, collector }) => {
        const statuses = recordStatuses(page);
        const release = await blockCore(page, collector);
        await open();
        release();
        assert.deepEqual(typesAndParams((await allEvents()).slice(1)), CALLED);
        assert.deepEqual(await statuses(), [200]);
      },
    ));

  test("a visitor who is identified on each page before the core has loaded is identified once", () =>
    withPage(
      (collector) => ({ "/": scriptTag(collector) + inline(`metrilo.identify("johny@x.com"); metrilo.viewCategory(1);`) }),
      async ({ page, open, allEvents, collector }) => {
        const statuses = recordStatuses(page);
        for (const pageCount of [1, 2]) {
          const release = await blockCore(page, collector);
          await open();
          release();
          const events = (await allEvents()).filter(({ type }) => type !== "land");
          assert.deepEqual(typesAndParams(events), [["identify", { email: "johny@x.com" }], ...Array(pageCount).fill(["category_view", { id: "1" }])]);
        }
        assert.deepEqual(await statuses(), [200]);
      },
    ));

  test("calls of a page whose core never loaded are sent by the next page", () =>
    withPage(
      (collector) => ({ "/": scriptTag(collector) + inline(CALLS), "/next": scriptTag(collector) + inline(`metrilo.checkout();`) }),
      async ({ page, url, open, waitForEvents, collector }) => {
        const statuses = recordStatuses(page);
        await blockCore(page, collector);
        await open();
        await page.unroute(`${collector.url}/assets/*.wasm`);
        await open("/next");
        // They are sent after the next page's own events, because reading the stored calls takes longer.
        const withoutLandings = (events) => events.filter(({ type }) => type !== "land");
        const events = withoutLandings(await waitForEvents((events) => withoutLandings(events).length >= 3));
        const byType = (expected) => events.filter(({ type }) => type === expected);
        assert.deepEqual(typesAndParams([...byType("page_view"), ...byType("basket_add"), ...byType("checkout")]), [...CALLED, ["checkout", {}]]);
        assert.equal(events.length, 3);
        assert.equal(byType("page_view")[0].page.url, `${url}/`);
        assert.ok(byType("page_view")[0].time <= byType("checkout")[0].time);
        assert.deepEqual(await statuses(), [200]);
      },
    ));
});
