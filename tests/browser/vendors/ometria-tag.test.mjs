// Every way in which shops load Ometria's tag, in a browser with all features, without WebAssembly, and without storage. The collector must
// store exactly the calls of the page, in order.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { TOKEN } from "../support/collector.mjs";
import { createFixture, PARALLEL } from "../support/fixture.mjs";

const withPage = createFixture();

const inline = (text) => `<script>${text}</script>`;
const tag = (collector, attributes = "") => `<script src="${collector}/tags/${TOKEN}.js" ${attributes}></script>`;
const lateTag = (collector, onLoad = "") => inline(`setTimeout(function () {
  var script = document.createElement("script");
  script.async = true;
  script.src = "${collector.replace("http:", "")}/tags/${TOKEN}.js";
  script.onload = function () { ${onLoad} };
  document.head.appendChild(script);
}, 50);`);

/** The example of Ometria's guide, with its basket. */
const CALLS = `
  ometria.init("product", { pid: "11111" }, "uk");
  ometria.identify("johny@x.com");
  var basket = new ometria.Basket();
  basket.setTotal(100.0, "GBP");
  basket.addLineItem("12345", 1, 50);
  basket.addLineItem("12365", 1, 50);
  ometria.setBasket(basket);
`;
const line = (product_id) => ({ product_id, quantity: 1, price: 50 });
const change = (product_id) => ({ product_id, from: 0, to: 1 });
const VIEWED = ["product_view", { product_id: "11111", page_type: "product", data: { pid: "11111" } }];
const FILLED = [
  "basket_update",
  { total: 100, currency: "GBP", lines: [line("12345"), line("12365")], changes: [change("12345"), change("12365")] },
];
const CALLED = [VIEWED, ["identify", { email: "johny@x.com" }], FILLED];

/** Returns the view of a page that has no URL parameter. */
const pageView = (url, more = {}) => ["page_view", { url, ...more }];

/** Returns a script that throws unless the condition holds. */
const assertInPage = (condition) => `if (!(${condition})) throw new Error(${JSON.stringify(condition)});`;

/** The products of a Magento listing, as a script: more than the parameters of an event may have. */
const PRODUCT_MAP = `Object.fromEntries(Array.from({ length: 300 }, function (_, id) { return [id, { id: id, title: "A product with a long name, ".repeat(6) }]; }))`;

/** title: the page's body, and a function from the page's URL to the stored events without the landing, which is always the first. */
const PAGES = {
  "a plain tag": [(c) => tag(c) + inline(CALLS), () => CALLED],
  "an async tag, calls when the page has loaded": [(c) => tag(c, "async") + inline(`addEventListener("load", function () { ${CALLS} });`), () => CALLED],
  "a tag inserted late, calls when it has loaded": [(c) => lateTag(c, CALLS), () => CALLED],
  "the tag twice": [(c) => tag(c) + inline(CALLS) + tag(c) + inline(`ometria.trackCheckout("payment");`), () => [...CALLED, ["checkout", { stage: "payment" }]]],
  "raw data and onLoad with a late tag: the tag tracks the page, then calls onLoad": [
    (c) =>
      inline(`window.ometria = {
        raw_data: { store: 1, type: "product", data: { id: 42 }, product_map: false },
        onLoad: function () { ${assertInPage("this === window.ometria")} ometria.identify("johny@x.com"); throw new Error("an error of the shop"); },
      };`) + lateTag(c, assertInPage(`ometria.raw_data.store === 1`)),
    () => [["product_view", { product_id: "42", page_type: "product", data: { id: 42 } }], ["identify", { email: "johny@x.com" }]],
  ],
  "raw data, and further init calls": [
    (c) =>
      inline(`window.ometria = { raw_data: { store: "uk", type: "category", data: false, product_map: ${PRODUCT_MAP} } };`) +
      tag(c) +
      inline(`ometria.init(); ometria.init("product", { pid: 1 }); ometria.init("product", { pid: 2 });`),
    (url) => [
      ...Array(2).fill(pageView(url, { page_type: "category", data: { store: "uk", type: "category", data: false } })),
      ...[1, 2].map((pid) => ["product_view", { product_id: String(pid), page_type: "product", data: { pid } }]),
    ],
  ],
  "a stub with only identify, which is called after the library's method and throws": [
    (c) =>
      inline(`window.stubCalls = []; window.ometria = { identify: function (id) { stubCalls.push([this === ometria, id]); throw new Error("of the stub"); } };`) +
      tag(c) +
      inline(CALLS + assertInPage(`JSON.stringify(stubCalls) === '[[true,"johny@x.com"]]'`)),
    () => CALLED,
  ],
  "calls before init, which is sent first": [
    (c) => tag(c) + inline(`ometria.identify("johny@x.com"); ometria.trackAddToBasket("7"); ometria.init("homepage");`),
    (url) => [pageView(url, { page_type: "homepage" }), ["identify", { email: "johny@x.com" }], ["basket_add", { product_id: "7", quantity: 1 }]],
  ],
  "calls without any init": [(c) => tag(c) + inline(`ometria.trackTransaction(1001);`), () => [["order", { order_id: "1001" }]]],
  "the basket's size is readable before, during and after loading": [
    (c) =>
      inline(`window.ometria = { basket: { size: 0 } }; ${assertInPage("ometria.basket.size === 0")}`) +
      tag(c) +
      inline(`${assertInPage("ometria.basket.size === 0")} ${CALLS} ${assertInPage("ometria.basket.size === 2")}`),
    () => CALLED,
  ],
  "the basket's size is the sum of the quantities of its lines": [
    (c) => {
      const sizes = [[2, "3"], [0], ["0"], [-1, 4], ["1,5"], [undefined], [null], [""], ["two"], [{}]];
      const size = `function (quantities) { var basket = new ometria.Basket(); quantities.forEach(function (quantity) { basket.addLineItem(1, quantity, 1); }); return basket.size; }`;
      return tag(c) + inline(assertInPage(`String([${sizes.map((quantities) => `[${quantities.map((value) => JSON.stringify(value)).join() || "undefined"}]`)}].map(${size})) === "5,0,0,4,1.5,1,1,1,1,1"`));
    },
    () => [],
  ],
  "methods that the shop wraps": [
    (c) => tag(c) + inline(`var original = ometria.identify; ometria.identify = function (id) { original("johny@" + id); }; ometria.init("basket"); ometria.identify("x.com");`),
    (url) => [pageView(url, { page_type: "basket" }), ["identify", { email: "johny@x.com" }]],
  ],
  "a single-page application": [
    (c) => tag(c) + inline(`ometria.init("homepage"); history.pushState({}, "", "/red"); ometria.init("listing", { category_id: 7 });`),
    (url) => [pageView(url, { page_type: "homepage" }), pageView(`${url}red`, { page_type: "listing", data: { category_id: 7 } })],
  ],
  "an element whose id is ometria": [(c) => `<div id="ometria"></div>` + tag(c) + inline(CALLS), () => CALLED],
  "calls of both vendors": [
    (c) => tag(c) + inline(`${CALLS} metrilo.identify("johny@x.com"); metrilo.viewProduct(2);`),
    () => [...CALLED, ["product_view", { product_id: "2" }]],
  ],
};

const THROW_DENIED = `function () { throw new DOMException("denied", "SecurityError"); }`;
const deny = (name) => `Object.defineProperty(window, "${name}", { get: ${THROW_DENIED} });`;

/** title: the script before the tag, the page's policy, and the errors that the browser prints about it. */
const BROWSERS = {
  "in a browser with all features": {},
  "without WebAssembly": { policy: (c) => `script-src 'self' 'unsafe-inline' ${c}`, allowedErrors: /Content Security Policy/ },
  "without storage": { first: inline(["indexedDB", "localStorage", "sessionStorage"].map(deny).join("")) },
};

const flush = (page) => page.evaluate(() => window.tillroll.ready.then(() => window.tillroll.flush()));
const withoutLandings = (events) => events.filter(({ type }) => type !== "land").map(({ type, params }) => [type, params]);

for (const [browser, { first = "", policy, allowedErrors }] of Object.entries(BROWSERS)) {
  describe(`Ometria's tag ${browser}`, PARALLEL, () => {
    for (const [title, [body, expected]] of Object.entries(PAGES)) {
      test(title, () =>
        withPage(
          (c) => ({ "/": () => ({ body: first + body(c), headers: policy ? { "content-security-policy": policy(c) } : {} }) }),
          async ({ page, url, open, waitForEvents }) => {
            await open();
            const expectedEvents = expected(`${url}/`);
            await page.waitForFunction(() => window.tillroll);
            await page.evaluate(() => window.tillroll.flush());
            const events = await waitForEvents((events) => withoutLandings(events).length >= expectedEvents.length);
            assert.deepEqual(withoutLandings(events), expectedEvents);
            assert.deepEqual(events.filter(({ type }) => type === "land").map(({ params }) => params.source_url), [""]);
          },
          { allowedErrors },
        ));
    }
  });
}

test("Ometria's own tag is not replaced", () =>
  withPage(
    (c) => ({ "/": inline(`window.ometria = { init: function () {} };`) + tag(c) }),
    async ({ page, open }) => {
      await open();
      assert.deepEqual(await page.evaluate(() => Object.keys(window.ometria)), ["init"]);
    },
  ));

test("calls that wait for init have the URL of the page on which they were made", () =>
  withPage(
    (c) => ({ "/": tag(c) + inline(`ometria.trackAddToBasket("7"); history.pushState({}, "", "/red"); ometria.init("listing"); ometria.trackAddToBasket("8");`) }),
    async ({ url, open, allEvents }) => {
      await open();
      const additions = (await allEvents()).filter(({ type }) => type === "basket_add");
      assert.deepEqual(additions.map(({ page }) => page.url), [`${url}/`, `${url}/red`]);
    },
  ));

test("calls that wait for init are sent when the page is left", () =>
  withPage(
    (c) => ({ "/": tag(c), "/elsewhere": "" }),
    async ({ page, open, waitForEvents }) => {
      await open();
      await flush(page);
      await page.evaluate(() => {
        window.ometria.identify("johny@x.com");
        window.ometria.trackAddToBasket("7");
        location.href = "/elsewhere";
      });
      await page.waitForURL(/elsewhere/);
      const events = await waitForEvents((events) => withoutLandings(events).length >= 2);
      assert.deepEqual(withoutLandings(events), [["identify", { email: "johny@x.com" }], ["basket_add", { product_id: "7", quantity: 1 }]]);
    },
  ));

test("the guide's sequence and a confirmation page, each loaded twice, send changes and orders once", () =>
  withPage(
    (c) => ({
      "/": tag(c) + inline(CALLS),
      "/thanks": tag(c) + inline(`ometria.init("confirmation", null, "uk"); ometria.identify("johny@x.com"); ometria.setBasket(null); ometria.trackTransaction("1001");`),
    }),
    async ({ page, url, open, allEvents }) => {
      const confirmation = pageView(`${url}/thanks`, { page_type: "confirmation" });
      const emptied = ["basket_update", { lines: [], changes: ["12345", "12365"].map((product_id) => ({ product_id, from: 1, to: 0 })) }];
      for (const path of ["/", "/", "/thanks", "/thanks"]) {
        await open(path);
        await flush(page);
      }
      const events = await allEvents();
      assert.deepEqual(withoutLandings(events), [...CALLED, VIEWED, confirmation, emptied, ["order", { order_id: "1001" }], confirmation]);
      assert.deepEqual(events.filter(({ type }) => type === "land").length, 1);
      assert.deepEqual([...new Set(events.map((event) => event.email))], ["johny@x.com"]);
      assert.deepEqual([...new Set(events.filter(({ api }) => api === "ometria").map((event) => event.store_id))], ["uk"]);
      assert.equal(new Set(events.map((event) => event.session_id)).size, 1);
    },
  ));

test("a new campaign and an external referrer add a landing to the session, and a reload adds none", () =>
  withPage(
    (c) => ({ "/": tag(c) + inline(`ometria.init("landing");`) }),
    async ({ page, url, open, allEvents }) => {
      await open();
      await flush(page);
      await open("/?utm_source=letter");
      await flush(page);
      await page.reload();
      await flush(page);
      await page.goto(`${url}/?gclid=1`, { referer: "https://search.example/" });
      const landings = (await allEvents()).filter(({ type }) => type === "land");
      assert.deepEqual(
        landings.map(({ params }) => [params.current_url, params.source_url]),
        [[`${url}/`, ""], [`${url}/?utm_source=letter`, ""], [`${url}/?gclid=1`, "https://search.example/"]],
      );
      assert.equal(new Set(landings.map((event) => event.session_id)).size, 1);
    },
  ));

const BASKET = `ometria.init("basket"); ometria.setBasket({ total: 5, currency: "GBP", items: [{ product_id: 1, quantity: 1, price: 5 }] });`;
const typesAmong = (events, ...types) => events.map(({ type }) => type).filter((type) => types.includes(type));

test("a basket and an order that two tabs send are stored once", () =>
  withPage(
    (c) => ({ "/": tag(c) + inline(`${BASKET} ometria.trackTransaction("1001");`) }),
    async ({ page, url, open, allEvents }) => {
      await open();
      await flush(page);
      const second = await page.context().newPage();
      await second.goto(url);
      await flush(second);
      await page.evaluate(() => (window.ometria.trackTransaction(1001), window.ometria.trackTransaction("1002")));
      await flush(page);
      await second.evaluate(() => window.ometria.trackTransaction("1002"));
      await flush(second);
      assert.deepEqual(typesAmong(await allEvents(), "basket_update", "order"), ["basket_update", "order", "order"]);
    },
  ));

test("a shop that reports both additions and baskets has one cart without duplicates", () =>
  withPage(
    (c) => ({ "/": tag(c) + inline(`ometria.init("product", { pid: 1 }); ometria.identify("both@x.com"); metrilo.addToCart(1); ometria.trackAddToBasket(1); ${BASKET} ometria.trackAddToBasket(1);`) }),
    async ({ page, open, allEvents, collector }) => {
      await open();
      await flush(page);
      const events = await allEvents();
      assert.deepEqual(typesAmong(events, "basket_add", "basket_update"), ["basket_add", "basket_add", "basket_update", "basket_add"]);
      const carts = await fetch(`${collector.url}/export/carts`, { headers: collector.ownerHeaders() }).then((answer) => answer.text());
      const all = carts.split("\n").filter(Boolean).map((line) => JSON.parse(line));
      const ofCustomer = all.filter(({ customer }) => customer?.email === "both@x.com");
      assert.deepEqual(ofCustomer.map(({ line_items }) => line_items.map(({ quantity }) => quantity)), [[1]]);
    },
  ));

test("activity renews the session of a page that is open for hours, and 31 idle minutes end it", () =>
  withPage(
    (c) => ({ "/": tag(c) + inline(`ometria.init("homepage");`) }),
    async ({ page, open, allEvents }) => {
      await page.clock.install();
      await open();
      await flush(page);
      for (const minutes of [29, 29, 29, 31]) {
        await page.clock.fastForward(minutes * 60_000);
        await page.evaluate(() => window.ometria.trackCheckout());
        await flush(page);
      }
      const sid = await page.evaluate(() => new URLSearchParams(document.cookie.split("; ").find((cookie) => cookie.startsWith("ometria=")).slice(8)).get("sid"));
      const events = (await allEvents()).filter(({ type }) => type !== "custom");
      const sessions = events.map((event) => event.session_id);
      assert.deepEqual(events.map(({ type }) => type), ["land", "page_view", "checkout", "checkout", "checkout", "land", "checkout"]);
      assert.equal(new Set(sessions.slice(0, 5)).size, 1);
      assert.deepEqual([...new Set(sessions.slice(5))], [sid]);
      assert.notEqual(sessions[0], sid);
    },
  ));
