// Pages with the snippet of Metrilo's v1 API: an array-like stub records calls in `q` or `queue`, and `load(token)` inserts the library from
// `//host/j/TOKEN.js`. The library adds the methods of v1 and v2 to the same object.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { TOKEN } from "../support/collector.mjs";
import { createFixture, PARALLEL, scriptTag } from "../support/fixture.mjs";

const withPage = createFixture();

const METHODS = ["identify", "track", "event", "pageview", "purchase", "debug", "atr"];
const inline = (text) => `<script>${text}</script>`;

const CREATE_STUB = "window.metrilo || (window.metrilo = []);";
const ENTRY = "[name].concat([].slice.call(arguments))";
/**
 * Returns a stub as shop plug-ins print it: `createStub` creates the object, `queue` is the name of its queue, which `keepQueue` does not
 * replace, and `entry` is the expression of one call.
 */
const snippet = (collector, { queue = "queue", createStub = CREATE_STUB, entry = ENTRY, keepQueue = false } = {}) => `
  ${createStub}
  window.metrilo.${queue} = ${keepQueue ? `window.metrilo.${queue} ||` : ""} [];
  ${JSON.stringify(METHODS)}.forEach(function (name) {
    window.metrilo[name] = function () { window.metrilo.${queue}.push(${entry}); };
  });
  window.metrilo.load = function (token) {
    var script = document.createElement("script");
    script.async = true;
    script.src = "${collector.replace("http:", "")}/j/" + token + ".js";
    document.head.appendChild(script);
  };
`;
const LOAD = `window.metrilo.load("${TOKEN}");`;

const VIEWS = `
  metrilo.event("view_category", { id: 7, name: "Shirts" });
  metrilo.event("view_product", { id: 42, name: "Shirt", price: "10.42" });
  metrilo.event("add_to_cart", { id: 42 });
`;
const VIEWED = [
  ["category_view", { id: "7" }, "metrilo-v1"],
  ["product_view", { product_id: "42" }, "metrilo-v1"],
  ["basket_add", { product_id: "42", quantity: 1 }, "metrilo-v1"],
];
const CHECKOUT = ["checkout", {}, "metrilo-v1"];

const typesParamsAndApis = (events) => events.map(({ type, params, api }) => [type, params, api]);

/** title: the page's body, and the stored events without the landing. */
const PAGES = {
  "the newer stub": [(c) => inline(snippet(c) + LOAD + VIEWS), VIEWED],
  "the older stub": [(c) => inline(snippet(c, { queue: "q" }) + LOAD + VIEWS), VIEWED],
  "a stub that records arguments": [
    (c) => inline(snippet(c, { queue: "q", entry: "(function (a) { [].unshift.call(a, name); return a; })(arguments)" }) + LOAD + VIEWS),
    VIEWED,
  ],
  "a stub that is a function": [
    (c) =>
      inline(snippet(c, { queue: "q", createStub: "window.metrilo = function () { window.metrilo.q.push(arguments); };" }) + LOAD + VIEWS) +
      inline(`metrilo("event", "checkout_start", []); addEventListener("load", function () { metrilo("event", "checkout_start", false); });`),
    [...VIEWED, CHECKOUT, CHECKOUT],
  ],
  "both queues, q first": [
    (c) => inline(snippet(c) + `metrilo.q = [["event", "checkout_start", []]];` + VIEWS + LOAD),
    [CHECKOUT, ...VIEWED],
  ],
  "a queue with invalid entries": [
    (c) => inline(snippet(c) + `metrilo.queue.push(null, "event", 7, [], ["nonsense"], ["push", 1], [{}], undefined);` + VIEWS + LOAD),
    VIEWED,
  ],
  "calls after the library has loaded": [
    (c) => inline(snippet(c) + LOAD + `var eventMethod = metrilo.event; addEventListener("load", function () { ${VIEWS} eventMethod("checkout_start", []); });`),
    [...VIEWED, CHECKOUT],
  ],
  "a page view and an identified customer": [
    (c) => inline(snippet(c) + LOAD + `metrilo.pageview(); metrilo.identify("Johny@x.com", { name: "Johny Bravo", tags: ["a"] }); ${VIEWS}`),
    [
      ["page_view", { url: "{page}", name: "Shop" }, "metrilo-v1"],
      ["identify", { email: "johny@x.com" }, "metrilo-v1"],
      ["customer_details", { first_name: "Johny", last_name: "Bravo" }, "metrilo-v1"],
      ["tag", { tags: ["a"] }, "metrilo-v1"],
      ...VIEWED,
    ],
  ],
  "v1 and v2 calls in one script": [
    (c) =>
      inline(snippet(c) + LOAD + VIEWS) +
      inline(`addEventListener("load", function () { metrilo.viewProduct(2); metrilo.event("checkout_start", false); });`),
    [...VIEWED, ["product_view", { product_id: "2" }, "metrilo"], CHECKOUT],
  ],
  "the v2 tag before the snippet": [
    (c) => scriptTag(c) + inline(`metrilo.viewProduct(2);`) + inline(snippet(c) + VIEWS + LOAD),
    [["product_view", { product_id: "2" }, "metrilo"], ...VIEWED],
  ],
  "the v2 tag before a snippet that keeps the older queue": [
    (c) =>
      scriptTag(c) +
      inline(snippet(c, { queue: "q", keepQueue: true }) + `metrilo.event("checkout_start", []);` + LOAD) +
      inline(snippet(c, { queue: "q", keepQueue: true }) + LOAD + VIEWS) +
      inline(`addEventListener("load", function () { ${snippet(c, { queue: "q", keepQueue: true })} ${VIEWS} });`),
    [CHECKOUT, ...VIEWED, ...VIEWED],
  ],
  "the v2 tag before a snippet that replaces the object": [
    (c) => scriptTag(c) + inline(`metrilo.viewProduct(2);`) + inline(snippet(c, { createStub: "window.metrilo = [];" }) + VIEWS + LOAD),
    [["product_view", { product_id: "2" }, "metrilo"], ...VIEWED],
  ],
  "the v2 tag after the snippet": [
    (c) => inline(snippet(c) + LOAD + VIEWS) + scriptTag(c) + inline(`metrilo.viewProduct(2);`),
    [...VIEWED, ["product_view", { product_id: "2" }, "metrilo"]],
  ],
  "the snippet twice": [(c) => inline(snippet(c) + LOAD) + inline(snippet(c) + LOAD + VIEWS), VIEWED],
};

describe("pages with the v1 snippet", PARALLEL, () => {
  for (const [title, [body, expected]] of Object.entries(PAGES)) {
    test(title, () =>
      withPage(
        (collector) => ({ "/": body(collector) }),
        async ({ page, url, open, allEvents }) => {
          await open();
          await page.waitForLoadState("load");
          await page.waitForFunction(() => window.tillroll);
          const [landing, ...events] = await allEvents();
          assert.equal(landing.type, "land");
          assert.deepEqual(typesParamsAndApis(events), JSON.parse(JSON.stringify(expected).replaceAll("{page}", `${url}/`)));
        },
      ),
    );
  }

  test("the library extends the page's object in place", () =>
    withPage(
      (collector) => ({ "/": inline(snippet(collector) + "window.stub = metrilo; metrilo.theme = 'old';" + LOAD) }),
      async ({ page, open }) => {
        await open();
        await page.waitForFunction(() => window.tillroll);
        assert.deepEqual(await page.evaluate(() => [window.stub === window.metrilo, window.metrilo.theme, Array.isArray(window.metrilo)]), [true, "old", true]);
      },
    ));

  test("ensure_cbuid sets the visitor id, unless the cookie has one", () =>
    withPage(
      (collector) => ({ "/": inline(snippet(collector) + `metrilo.ensure_cbuid = "5f3c0d9b1e8a7264f0123456789abcde";` + LOAD + VIEWS) }),
      async ({ page, url, open, allEvents }) => {
        await open();
        await page.waitForFunction(() => window.tillroll);
        const events = await allEvents();
        assert.deepEqual([...new Set(events.map((event) => event.visitor_id))], ["5f3c0d9b1e8a7264f0123456789abcde"]);
        await page.context().addCookies([{ name: "cbuid", value: "0123456789", url }]);
        await open();
        await page.waitForFunction(() => window.tillroll);
        const later = (await allEvents()).slice(events.length);
        assert.deepEqual([...new Set(later.map((event) => event.visitor_id))], ["0123456789"]);
      },
    ));
});
