// The debug window: asked for in the address, it says what the library does in the vendors' words and what became of each event, as text;
// nobody who did not ask for it downloads it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { TOKEN } from "../support/collector.mjs";
import { answers } from "../support/faulty-proxy.mjs";
import { AT_ONCE, stage } from "../support/fixture.mjs";

const play = stage();

const tag = (collector, attributes = "") => `<script src="${collector}/tags/${TOKEN}.js" ${attributes}></script>`;
const pages = (attributes) => (collector) => ({ "/": tag(collector, attributes), "/next": tag(collector, attributes) });

/** In the page: every line of the window with its fate; null where there is no window. */
const read = () => {
  const host = document.querySelector("tillroll-debug");
  if (!host) return null;
  return [...host.shadowRoot.querySelectorAll("li")].map((item) => [...item.querySelectorAll("span")].map((span) => span.textContent));
};

/** Waits until the window's lines satisfy `enough`, and returns them. */
const lines = async (page, enough = (all) => all.length) => {
  for (;;) {
    const all = await page.evaluate(read);
    if (all && enough(all)) return all;
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
};

const said = (all) => all.map(([message]) => message);
const calls = (page, text) => page.evaluate((text) => void (0, eval)(text), text);
const fate = (message, wanted) => (all) => all.some(([line, how]) => line === message && how.startsWith(wanted));

const SEQUENCE = `
  ometria.init("product", { pid: "1" }, "uk");
  ometria.identify("johny@x.com");
  var basket = new ometria.Basket();
  basket.setTotal(50, "GBP");
  basket.addLineItem("1", 1, 50);
  ometria.setBasket(basket);
  ometria.trackAddToBasket("1", 2);
  ometria.trackCheckout("payment");
  ometria.trackTransaction("1001");
  metrilo.viewProduct("2");
`;

/** What the guide's table says of these calls, in order, on a first visit. */
const DOCUMENTED = [
  "NEW COOKIE ID",
  /^NEW SESSION: [0-9a-f-]{36}$/,
  /^Event: land \(/,
  "Event: pageview (product)",
  "Identified: johny@x.com",
  "Event: identify",
  "Event: setbasket",
  "Event: addtobasket",
  "Event: checkout (payment)",
  "Event: transaction (1001)",
  "Event: product_view (2)",
];

const matches = (line, wanted) => (typeof wanted === "string" ? line === wanted : wanted.test(line));

describe("the debug window", AT_ONCE, () => {
  test("says every documented message, and that each event was stored", () =>
    play(pages(), async ({ page, open }) => {
      await open("/#om_debug");
      await calls(page, SEQUENCE);
      const all = await lines(page, fate("Event: product_view (2)", "stored"));
      const left = said(all);
      assert.equal(left.length, DOCUMENTED.length, left.join("\n"));
      DOCUMENTED.forEach((wanted, at) => assert.ok(matches(left[at], wanted), `${wanted} is not line ${at} of\n${left.join("\n")}`));
      assert.deepEqual(new Set(all.filter(([message]) => message.startsWith("Event: ")).map(([, how]) => how)), new Set(["stored"]));
    }));

  test("stays on from page to page until it is switched off, and an existing visit is called so", () =>
    play(pages(), async ({ page, open }) => {
      await open("/#om_debug");
      const [first] = said(await lines(page, (all) => said(all).some((line) => line.startsWith("NEW SESSION: ")))).filter((line) => /SESSION/.test(line));
      await page.evaluate(() => window.tillroll.flush());
      await open("/next");
      await calls(page, `ometria.init("basket")`);
      const all = said(await lines(page, (all) => said(all).includes("Event: pageview (basket)")));
      assert.equal(all[0], first.replace("NEW", "EXISTING"));
      assert.ok(!all.includes("NEW COOKIE ID"));
      await open("/#om_debug=off");
      await page.evaluate(() => window.tillroll.ready);
      assert.equal(await page.evaluate(read), null);
      await open("/next");
      await page.evaluate(() => window.tillroll.ready);
      assert.equal(await page.evaluate(read), null);
    }));

  test("says why an event is kept, and that it was stored later", () =>
    play(
      pages(),
      async ({ page, proxy, open }) => {
        proxy.fault = answers(503);
        await open("/#om_debug");
        await calls(page, `ometria.init("homepage")`);
        await lines(page, fate("Event: pageview (homepage)", "kept: answered 503"));
        proxy.fault = undefined;
        await lines(page, fate("Event: pageview (homepage)", "stored"));
      },
      { proxied: true, prints: /503/ },
    ));

  test("says what was unchanged, what was given up and why, and what waits for consent", () =>
    play(pages(), async ({ page, open }) => {
      await open("/#om_debug");
      await calls(page, `ometria.init("homepage"); ometria.identify("a@x.com"); ometria.identify("A@x.com"); metrilo.viewProduct();`);
      const all = await lines(page, (all) => all.some(([, how]) => how.startsWith("dropped")));
      assert.deepEqual(all.filter(([message]) => message.startsWith("No event")), [
        ["No event: identify", "unchanged"],
        ["No event: product_view", "dropped: meaningless, product_id"],
      ]);
      await calls(page, `tillroll.consent("pending"); metrilo.viewProduct(1);`);
      await lines(page, fate("No event: product_view", "waiting: consent is pending"));
    }));

  test("prints a message's data to the console when it is clicked", () =>
    play(pages(), async ({ page, open }) => {
      await open("/#om_debug");
      await calls(page, `ometria.init("product", { pid: "1" })`);
      await lines(page, fate("Event: pageview (product)", "stored"));
      const printed = page.waitForEvent("console");
      await page.getByRole("button", { name: "Event: pageview (product)" }).click();
      const [message, data] = await Promise.all((await printed).args().map((arg) => arg.jsonValue()));
      assert.deepEqual([message, data], ["Event: pageview (product)", { product_id: "1", page_type: "product", data: { pid: "1" } }]);
    }));

  test("what comes from the page is text and never HTML", () =>
    play(pages(), async ({ page, open }) => {
      await open("/#om_debug");
      await calls(page, `ometria.init("<img src=x onerror=alert(1)>"); ometria.trackTransaction("<b>1</b>");`);
      const all = said(await lines(page, (all) => said(all).some((line) => line.startsWith("Event: transaction"))));
      assert.ok(all.includes("Event: pageview (<img src=x onerror=alert(1)>)") && all.includes("Event: transaction (<b>1</b>)"));
      assert.equal(await page.evaluate(() => document.querySelector("tillroll-debug").shadowRoot.querySelectorAll("img, b").length), 0);
    }));

  test("can be folded, moved by pointer and keyboard, and closed, and covers nothing for good", () =>
    play(pages(), async ({ page, open }) => {
      await page.setViewportSize({ width: 375, height: 600 });
      await open("/#om_debug");
      await lines(page);
      const box = () => page.getByRole("region", { name: "Tillroll debug window" }).boundingBox();
      const open_ = await box();
      assert.ok(open_.x >= 0 && open_.x + open_.width <= 375, JSON.stringify(open_));
      await page.getByRole("button", { name: "Fold", exact: true }).click();
      assert.equal(await page.getByRole("button", { name: "Unfold" }).getAttribute("aria-expanded"), "false");
      const folded = await box();
      assert.ok(folded.height < 50, JSON.stringify(folded));
      await page.mouse.move(folded.x + 20, folded.y + 10);
      await page.mouse.down();
      await page.mouse.move(folded.x + 20, folded.y + 410, { steps: 4 });
      await page.mouse.up();
      assert.equal(Math.round((await box()).y - folded.y), 400);
      await page.getByTitle("Move with the pointer or the arrow keys").press("ArrowUp");
      assert.equal(Math.round((await box()).y - folded.y), 384);
      await page.getByRole("button", { name: "Close" }).click();
      assert.equal(await page.evaluate(read), null);
      await open("/next");
      await page.evaluate(() => window.tillroll.ready);
      assert.equal(await page.evaluate(read), null);
    }));

  test("is not fetched by a page that does not ask, nor missed where it does not come", () =>
    play(
      pages(),
      async ({ page, open, told }) => {
        const asked = [];
        page.on("request", (request) => asked.push(request.url()));
        await open("/#elsewhere");
        await page.evaluate(() => window.tillroll.ready);
        assert.deepEqual(asked.filter((url) => url.includes("debug-")), []);
        await page.route("**/assets/debug-*", (route) => route.abort());
        await open("/next#om_debug");
        await calls(page, `metrilo.viewProduct(1)`);
        assert.deepEqual((await told()).map(({ type }) => type), ["land", "product_view"]);
        assert.equal(await page.evaluate(read), null);
      },
      { prints: /Failed to load resource/ },
    ));
});

/** Where its styles, its script or WebAssembly could be refused, it is there all the same. */
test("a shop with a strict policy", () => {
  const policy = (c) => `default-src 'none'; img-src data:; script-src ${c}; connect-src ${c}`;
  return play(
    (c) => ({ "/": () => ({ body: tag(c), headers: { "content-security-policy": policy(c) } }) }),
    async ({ page, open }) => {
      await open("/#om_debug");
      await lines(page, (all) => all.some(([message, how]) => message.startsWith("Event: land") && how === "stored"));
      const styled = () => page.evaluate(() => getComputedStyle(document.querySelector("tillroll-debug")).position);
      assert.equal(await styled(), "fixed");
    },
    { prints: /Content Security Policy/ },
  );
});
