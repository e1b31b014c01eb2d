// Pages that still carry the first generation's snippet: an array-like stub records calls in `q` or `queue`, and `load(token)` inserts the
// library from `//host/j/TOKEN.js`. The same object goes on, with both generations of methods on it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { TOKEN } from "../support/collector.mjs";
import { AT_ONCE, scriptTag, stage } from "../support/fixture.mjs";

const play = stage();

const METHODS = ["identify", "track", "event", "pageview", "purchase", "debug", "atr"];
const inline = (text) => `<script>${text}</script>`;

const GROUND = "window.metrilo || (window.metrilo = []);";
const ENTRY = "[name].concat([].slice.call(arguments))";
/** A stub as plug-ins print it: `ground` makes the object, `queue` is the name of its record, which it may `keep`; `entry` is one call. */
const snippet = (collector, { queue = "queue", ground = GROUND, entry = ENTRY, keep = false } = {}) => `
  ${ground}
  window.metrilo.${queue} = ${keep ? `window.metrilo.${queue} ||` : ""} [];
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
const load = `window.metrilo.load("${TOKEN}");`;

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

const short = (events) => events.map(({ type, params, api }) => [type, params, api]);

/** title: the page's body, and what is stored of it besides the landing. */
const PAGES = {
  "the newer stub": [(c) => inline(snippet(c) + load + VIEWS), VIEWED],
  "the older stub": [(c) => inline(snippet(c, { queue: "q" }) + load + VIEWS), VIEWED],
  "a stub that records arguments": [
    (c) => inline(snippet(c, { queue: "q", entry: "(function (a) { [].unshift.call(a, name); return a; })(arguments)" }) + load + VIEWS),
    VIEWED,
  ],
  "a stub that is a function": [
    (c) =>
      inline(snippet(c, { queue: "q", ground: "window.metrilo = function () { window.metrilo.q.push(arguments); };" }) + load + VIEWS) +
      inline(`metrilo("event", "checkout_start", []); addEventListener("load", function () { metrilo("event", "checkout_start", false); });`),
    [...VIEWED, CHECKOUT, CHECKOUT],
  ],
  "both queues, q first": [
    (c) => inline(snippet(c) + `metrilo.q = [["event", "checkout_start", []]];` + VIEWS + load),
    [CHECKOUT, ...VIEWED],
  ],
  "a queue with foreign entries": [
    (c) => inline(snippet(c) + `metrilo.queue.push(null, "event", 7, [], ["nonsense"], ["push", 1], [{}], undefined);` + VIEWS + load),
    VIEWED,
  ],
  "calls after the library has come": [
    (c) => inline(snippet(c) + load + `var kept = metrilo.event; addEventListener("load", function () { ${VIEWS} kept("checkout_start", []); });`),
    [...VIEWED, CHECKOUT],
  ],
  "a page view and a known customer": [
    (c) => inline(snippet(c) + load + `metrilo.pageview(); metrilo.identify("Johny@x.com", { name: "Johny Bravo", tags: ["a"] }); ${VIEWS}`),
    [
      ["page_view", { url: "{page}", name: "Shop" }, "metrilo-v1"],
      ["identify", { email: "johny@x.com" }, "metrilo-v1"],
      ["customer_details", { first_name: "Johny", last_name: "Bravo" }, "metrilo-v1"],
      ["tag", { tags: ["a"] }, "metrilo-v1"],
      ...VIEWED,
    ],
  ],
  "both generations in one script": [
    (c) =>
      inline(snippet(c) + load + VIEWS) +
      inline(`addEventListener("load", function () { metrilo.viewProduct(2); metrilo.event("checkout_start", false); });`),
    [...VIEWED, ["product_view", { product_id: "2" }, "metrilo"], CHECKOUT],
  ],
  "the second generation's tag before the snippet": [
    (c) => scriptTag(c) + inline(`metrilo.viewProduct(2);`) + inline(snippet(c) + VIEWS + load),
    [["product_view", { product_id: "2" }, "metrilo"], ...VIEWED],
  ],
  "the second generation's tag before a snippet that keeps the older queue": [
    (c) =>
      scriptTag(c) +
      inline(snippet(c, { queue: "q", keep: true }) + `metrilo.event("checkout_start", []);` + load) +
      inline(snippet(c, { queue: "q", keep: true }) + load + VIEWS) +
      inline(`addEventListener("load", function () { ${snippet(c, { queue: "q", keep: true })} ${VIEWS} });`),
    [CHECKOUT, ...VIEWED, ...VIEWED],
  ],
  "the second generation's tag before a snippet that begins anew": [
    (c) => scriptTag(c) + inline(`metrilo.viewProduct(2);`) + inline(snippet(c, { ground: "window.metrilo = [];" }) + VIEWS + load),
    [["product_view", { product_id: "2" }, "metrilo"], ...VIEWED],
  ],
  "the second generation's tag after the snippet": [
    (c) => inline(snippet(c) + load + VIEWS) + scriptTag(c) + inline(`metrilo.viewProduct(2);`),
    [...VIEWED, ["product_view", { product_id: "2" }, "metrilo"]],
  ],
  "the snippet twice": [(c) => inline(snippet(c) + load) + inline(snippet(c) + load + VIEWS), VIEWED],
};

describe("the first generation", AT_ONCE, () => {
  for (const [title, [body, expected]] of Object.entries(PAGES)) {
    test(title, () =>
      play(
        (collector) => ({ "/": body(collector) }),
        async ({ page, url, open, told }) => {
          await open();
          await page.waitForLoadState("load");
          await page.waitForFunction(() => window.tillroll);
          const [land, ...events] = await told();
          assert.equal(land.type, "land");
          assert.deepEqual(short(events), JSON.parse(JSON.stringify(expected).replaceAll("{page}", `${url}/`)));
        },
      ),
    );
  }

  test("the object is the page's own, upgraded in place", () =>
    play(
      (collector) => ({ "/": inline(snippet(collector) + "window.theirs = metrilo; metrilo.theme = 'old';" + load) }),
      async ({ page, open }) => {
        await open();
        await page.waitForFunction(() => window.tillroll);
        assert.deepEqual(await page.evaluate(() => [window.theirs === window.metrilo, window.metrilo.theme, Array.isArray(window.metrilo)]), [true, "old", true]);
      },
    ));

  test("ensure_cbuid is the visitor's id, unless the cookie says another", () =>
    play(
      (collector) => ({ "/": inline(snippet(collector) + `metrilo.ensure_cbuid = "5f3c0d9b1e8a7264f0123456789abcde";` + load + VIEWS) }),
      async ({ page, url, open, told }) => {
        await open();
        await page.waitForFunction(() => window.tillroll);
        const events = await told();
        assert.deepEqual([...new Set(events.map((event) => event.visitor_id))], ["5f3c0d9b1e8a7264f0123456789abcde"]);
        await page.context().addCookies([{ name: "cbuid", value: "0123456789", url }]);
        await open();
        await page.waitForFunction(() => window.tillroll);
        const later = (await told()).slice(events.length);
        assert.deepEqual([...new Set(later.map((event) => event.visitor_id))], ["0123456789"]);
      },
    ));
});
