// Every way in which shops load Ometria's tag, on a plain browser, on one without WebAssembly, and on one without storage. A page says what
// it calls; the store must have that, in order, and nothing else.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { TOKEN } from "../support/collector.mjs";
import { AT_ONCE, stage } from "../support/fixture.mjs";

const play = stage();

const inline = (text) => `<script>${text}</script>`;
const tag = (collector, attributes = "") => `<script src="${collector}/tags/${TOKEN}.js" ${attributes}></script>`;
const late = (collector, after = "") => inline(`setTimeout(function () {
  var script = document.createElement("script");
  script.async = true;
  script.src = "${collector.replace("http:", "")}/tags/${TOKEN}.js";
  script.onload = function () { ${after} };
  document.head.appendChild(script);
}, 50);`);

/** The guide's example, with its basket handed over. */
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

/** A view of a page without an address of its own. */
const view = (url, more = {}) => ["page_view", { url, ...more }];

/** Fails the page unless the condition holds. */
const check = (condition) => `if (!(${condition})) throw new Error(${JSON.stringify(condition)});`;

/** title: the page's body, and what is stored of it at its address; the landing, which is always first, is left out. */
const PAGES = {
  "a plain tag": [(c) => tag(c) + inline(CALLS), () => CALLED],
  "an async tag, calls when the page has loaded": [(c) => tag(c, "async") + inline(`addEventListener("load", function () { ${CALLS} });`), () => CALLED],
  "a tag inserted late, calls when it has loaded": [(c) => late(c, CALLS), () => CALLED],
  "the tag twice": [(c) => tag(c) + inline(CALLS) + tag(c) + inline(`ometria.trackCheckout("payment");`), () => [...CALLED, ["checkout", { stage: "payment" }]]],
  "raw data and onLoad, the tag late: it starts by itself, then calls the page": [
    (c) =>
      inline(`window.ometria = {
        raw_data: { store: 1, type: "product", data: { id: 42 }, product_map: false },
        onLoad: function () { ${check("this === window.ometria")} ometria.identify("johny@x.com"); throw new Error("a shop's own mistake"); },
      };`) + late(c, check(`ometria.raw_data.store === 1`)),
    () => [["product_view", { product_id: "42", page_type: "product", data: { id: 42 } }], ["identify", { email: "johny@x.com" }]],
  ],
  "raw data, and one more view of each variant": [
    (c) =>
      inline(`window.ometria = { raw_data: { store: "uk", type: "category", data: false } };`) +
      tag(c) +
      inline(`ometria.init(); ometria.init("product", { pid: 1 }); ometria.init("product", { pid: 2 });`),
    (url) => [
      ...Array(2).fill(view(url, { page_type: "category", data: { store: "uk", type: "category", data: false } })),
      ...[1, 2].map((pid) => ["product_view", { product_id: String(pid), page_type: "product", data: { pid } }]),
    ],
  ],
  "a stub with only identify, which is called after ours and throws": [
    (c) =>
      inline(`window.theirs = []; window.ometria = { identify: function (id) { theirs.push([this === ometria, id]); throw new Error("theirs"); } };`) +
      tag(c) +
      inline(CALLS + check(`JSON.stringify(theirs) === '[[true,"johny@x.com"]]'`)),
    () => CALLED,
  ],
  "calls before init, which goes first": [
    (c) => tag(c) + inline(`ometria.identify("johny@x.com"); ometria.trackAddToBasket("7"); ometria.init("homepage");`),
    (url) => [view(url, { page_type: "homepage" }), ["identify", { email: "johny@x.com" }], ["basket_add", { product_id: "7", quantity: 1 }]],
  ],
  "calls without any init": [(c) => tag(c) + inline(`ometria.trackTransaction(1001);`), () => [["order", { order_id: "1001" }]]],
  "the basket is asked before, meanwhile and after": [
    (c) =>
      inline(`window.ometria = { basket: { size: 0 } }; ${check("ometria.basket.size === 0")}`) +
      tag(c) +
      inline(`${check("ometria.basket.size === 0")} ${CALLS} ${check("ometria.basket.size === 2")}`),
    () => CALLED,
  ],
  "methods that a shop wraps": [
    (c) => tag(c) + inline(`var ours = ometria.identify; ometria.identify = function (id) { ours("johny@" + id); }; ometria.init("basket"); ometria.identify("x.com");`),
    (url) => [view(url, { page_type: "basket" }), ["identify", { email: "johny@x.com" }]],
  ],
  "a shop of a single page": [
    (c) => tag(c) + inline(`ometria.init("homepage"); history.pushState({}, "", "/red"); ometria.init("listing", { category_id: 7 });`),
    (url) => [view(url, { page_type: "homepage" }), view(`${url}red`, { page_type: "listing", data: { category_id: 7 } })],
  ],
  "an element whose id is its name": [(c) => `<div id="ometria"></div>` + tag(c) + inline(CALLS), () => CALLED],
  "both libraries": [
    (c) => tag(c) + inline(`${CALLS} metrilo.identify("johny@x.com"); metrilo.viewProduct(2);`),
    () => [...CALLED, ["product_view", { product_id: "2" }]],
  ],
};

const DENIED = `function () { throw new DOMException("denied", "SecurityError"); }`;
const deny = (name) => `Object.defineProperty(window, "${name}", { get: ${DENIED} });`;

/** title: what is done to the page first, its policy, and what the browser prints of that. */
const BROWSERS = {
  "a plain browser": {},
  "WebAssembly refused": { policy: (c) => `script-src 'self' 'unsafe-inline' ${c}`, prints: /Content Security Policy/ },
  "storage blocked": { first: inline(["indexedDB", "localStorage", "sessionStorage"].map(deny).join("")) },
};

const settle = (page) => page.evaluate(() => window.tillroll.ready.then(() => window.tillroll.flush()));
const plain = (events) => events.filter(({ type }) => type !== "land").map(({ type, params }) => [type, params]);

for (const [browser, { first = "", policy, prints }] of Object.entries(BROWSERS)) {
  describe(`Ometria's tag: ${browser}`, AT_ONCE, () => {
    for (const [title, [body, expected]] of Object.entries(PAGES)) {
      test(title, () =>
        play(
          (c) => ({ "/": () => ({ body: first + body(c), headers: policy ? { "content-security-policy": policy(c) } : {} }) }),
          async ({ page, url, open, stored }) => {
            await open();
            const wanted = expected(`${url}/`);
            await page.waitForFunction(() => window.tillroll);
            await page.evaluate(() => window.tillroll.flush());
            const events = await stored((events) => plain(events).length >= wanted.length);
            assert.deepEqual(plain(events), wanted);
            assert.deepEqual(events.filter(({ type }) => type === "land").map(({ params }) => params.source_url), [""]);
          },
          { prints },
        ));
    }
  });
}

test("the vendor's own tag is left alone", () =>
  play(
    (c) => ({ "/": inline(`window.ometria = { init: function () {} };`) + tag(c) }),
    async ({ page, open }) => {
      await open();
      assert.deepEqual(await page.evaluate(() => Object.keys(window.ometria)), ["init"]);
    },
  ));

test("calls that wait for an init are of the page on which they were made", () =>
  play(
    (c) => ({ "/": tag(c) + inline(`ometria.trackAddToBasket("7"); history.pushState({}, "", "/red"); ometria.init("listing"); ometria.trackAddToBasket("8");`) }),
    async ({ url, open, told }) => {
      await open();
      const added = (await told()).filter(({ type }) => type === "basket_add");
      assert.deepEqual(added.map(({ page }) => page.url), [`${url}/`, `${url}/red`]);
    },
  ));

test("calls that wait for an init leave with the page, and nobody has to come back", () =>
  play(
    (c) => ({ "/": tag(c), "/elsewhere": "" }),
    async ({ page, open, stored }) => {
      await open();
      await settle(page);
      await page.evaluate(() => {
        window.ometria.identify("johny@x.com");
        window.ometria.trackAddToBasket("7");
        location.href = "/elsewhere";
      });
      await page.waitForURL(/elsewhere/);
      const events = await stored((events) => plain(events).length >= 2);
      assert.deepEqual(plain(events), [["identify", { email: "johny@x.com" }], ["basket_add", { product_id: "7", quantity: 1 }]]);
    },
  ));

test("the guide's sequence, a confirmation page, and all of it again: once", () =>
  play(
    (c) => ({
      "/": tag(c) + inline(CALLS),
      "/thanks": tag(c) + inline(`ometria.init("confirmation", null, "uk"); ometria.identify("johny@x.com"); ometria.setBasket(null); ometria.trackTransaction("1001");`),
    }),
    async ({ page, url, open, told }) => {
      const confirmed = view(`${url}/thanks`, { page_type: "confirmation" });
      const emptied = ["basket_update", { lines: [], changes: ["12345", "12365"].map((product_id) => ({ product_id, from: 1, to: 0 })) }];
      for (const path of ["/", "/", "/thanks", "/thanks"]) {
        await open(path);
        await settle(page);
      }
      const events = await told();
      assert.deepEqual(plain(events), [...CALLED, VIEWED, confirmed, emptied, ["order", { order_id: "1001" }], confirmed]);
      assert.deepEqual(events.filter(({ type }) => type === "land").length, 1);
      assert.deepEqual([...new Set(events.map((event) => event.email))], ["johny@x.com"]);
      assert.deepEqual([...new Set(events.filter(({ api }) => api === "ometria").map((event) => event.store_id))], ["uk"]);
      assert.equal(new Set(events.map((event) => event.session_id)).size, 1);
    },
  ));

test("a new campaign and a foreign referrer are recorded within the visit, and a reload is neither", () =>
  play(
    (c) => ({ "/": tag(c) + inline(`ometria.init("landing");`) }),
    async ({ page, url, open, told }) => {
      await open();
      await settle(page);
      await open("/?utm_source=letter");
      await settle(page);
      await page.reload();
      await settle(page);
      await page.goto(`${url}/?gclid=1`, { referer: "https://search.example/" });
      const lands = (await told()).filter(({ type }) => type === "land");
      assert.deepEqual(
        lands.map(({ params }) => [params.current_url, params.source_url]),
        [[`${url}/`, ""], [`${url}/?utm_source=letter`, ""], [`${url}/?gclid=1`, "https://search.example/"]],
      );
      assert.equal(new Set(lands.map((event) => event.session_id)).size, 1);
    },
  ));

const BASKET = `ometria.init("basket"); ometria.setBasket({ total: 5, currency: "GBP", items: [{ product_id: 1, quantity: 1, price: 5 }] });`;
const types = (events, ...wanted) => events.map(({ type }) => type).filter((type) => wanted.includes(type));

test("a basket and an order are told once, though a second tab says them again", () =>
  play(
    (c) => ({ "/": tag(c) + inline(`${BASKET} ometria.trackTransaction("1001");`) }),
    async ({ page, url, open, told }) => {
      await open();
      await settle(page);
      const second = await page.context().newPage();
      await second.goto(url);
      await settle(second);
      await page.evaluate(() => (window.ometria.trackTransaction(1001), window.ometria.trackTransaction("1002")));
      await settle(page);
      await second.evaluate(() => window.ometria.trackTransaction("1002"));
      await settle(second);
      assert.deepEqual(types(await told(), "basket_update", "order"), ["basket_update", "order", "order"]);
    },
  ));

test("a shop that tells both what was added and what is in the basket has one cart, which counts nothing twice", () =>
  play(
    (c) => ({ "/": tag(c) + inline(`ometria.init("product", { pid: 1 }); ometria.identify("both@x.com"); metrilo.addToCart(1); ometria.trackAddToBasket(1); ${BASKET} ometria.trackAddToBasket(1);`) }),
    async ({ page, open, told, collector }) => {
      await open();
      await settle(page);
      const events = await told();
      assert.deepEqual(types(events, "basket_add", "basket_update"), ["basket_add", "basket_add", "basket_update", "basket_add"]);
      const carts = await fetch(`${collector.url}/export/carts`, { headers: collector.authorised() }).then((answer) => answer.text());
      const all = carts.split("\n").filter(Boolean).map((line) => JSON.parse(line));
      const own = all.filter(({ customer }) => customer?.email === "both@x.com");
      assert.deepEqual(own.map(({ line_items }) => line_items.map(({ quantity }) => quantity)), [[1]]);
    },
  ));

test("a page that is open for hours renews its visit, and half an hour of silence ends it", () =>
  play(
    (c) => ({ "/": tag(c) + inline(`ometria.init("homepage");`) }),
    async ({ page, open, told }) => {
      await page.clock.install();
      await open();
      await settle(page);
      for (const minutes of [29, 29, 29, 31]) {
        await page.clock.fastForward(minutes * 60_000);
        await page.evaluate(() => window.ometria.trackCheckout());
        await settle(page);
      }
      const sid = await page.evaluate(() => new URLSearchParams(document.cookie.split("; ").find((one) => one.startsWith("ometria=")).slice(8)).get("sid"));
      const events = (await told()).filter(({ type }) => type !== "custom");
      const sessions = events.map((event) => event.session_id);
      assert.deepEqual(events.map(({ type }) => type), ["land", "page_view", "checkout", "checkout", "checkout", "land", "checkout"]);
      assert.equal(new Set(sessions.slice(0, 5)).size, 1);
      assert.deepEqual([...new Set(sessions.slice(5))], [sid]);
      assert.notEqual(sessions[0], sid);
    },
  ));
