// The debug panel: the URL enables it, it shows the library's actions with the vendors' labels and the status of each event, all as text. Other
// pages do not download it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { TOKEN } from "../support/collector.mjs";
import { respondWith } from "../support/faulty-proxy.mjs";
import { createFixture, PARALLEL } from "../support/fixture.mjs";

const withPage = createFixture();

const tag = (collector, attributes = "") => `<script src="${collector}/tags/${TOKEN}.js" ${attributes}></script>`;
const pages = (attributes) => (collector) => ({ "/": tag(collector, attributes), "/next": tag(collector, attributes) });

/** Runs in the page: returns every line of the panel with its status; null if the panel is not open. */
const readPanel = () => {
  const host = document.querySelector("tillroll-debug");
  if (!host) return null;
  return [...host.shadowRoot.querySelectorAll("li")].map((item) => [...item.querySelectorAll("span")].map((span) => span.textContent));
};

/** Waits until `isEnough(lines)` holds for the panel's lines, and returns them. */
const waitForLines = async (page, isEnough = (lines) => lines.length) => {
  for (;;) {
    const lines = await page.evaluate(readPanel);
    if (lines && isEnough(lines)) return lines;
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
};

const messagesOf = (lines) => lines.map(([message]) => message);
const runScript = (page, text) => page.evaluate((text) => void (0, eval)(text), text);
const hasStatus = (message, expected) => (lines) => lines.some(([line, status]) => line === message && status.startsWith(expected));

const CALLS = `
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

/** The messages that the guide documents for these calls, in order, on a first page view. */
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

const matches = (line, expected) => (typeof expected === "string" ? line === expected : expected.test(line));

describe("the debug panel", PARALLEL, () => {
  for (const own of ["{ show: function () {} }", "function () { this.elements = []; }"]) {
    test(`works on a page with its own Map: ${own}`, () =>
      withPage(
        (collector) => ({ "/": `<script>var Map = ${own};</script>${tag(collector)}<script>metrilo.viewProduct("2");</script>` }),
        async ({ open, waitForEvents }) => {
          await open("/#om_debug");
          const events = await waitForEvents((events) => events.length > 1);
          assert.deepEqual(events.map(({ type }) => type), ["land", "product_view"]);
        },
      ));
  }

  test("shows every documented message, and that each event was stored", () =>
    withPage(pages(), async ({ page, open }) => {
      await open("/#om_debug");
      await runScript(page, CALLS);
      const lines = await waitForLines(page, hasStatus("Event: product_view (2)", "stored"));
      const messages = messagesOf(lines);
      assert.equal(messages.length, DOCUMENTED.length, messages.join("\n"));
      DOCUMENTED.forEach((expected, at) => assert.ok(matches(messages[at], expected), `${expected} is not line ${at} of\n${messages.join("\n")}`));
      assert.deepEqual(new Set(lines.filter(([message]) => message.startsWith("Event: ")).map(([, status]) => status)), new Set(["stored"]));
    }));

  test("stays open on later pages until it is switched off, and labels an existing session", () =>
    withPage(pages(), async ({ page, open }) => {
      await open("/#om_debug");
      const lines = await waitForLines(page, (lines) => messagesOf(lines).some((line) => line.startsWith("NEW SESSION: ")));
      const first = messagesOf(lines).find((line) => /SESSION/.test(line));
      await page.evaluate(() => window.tillroll.flush());
      await open("/next");
      await runScript(page, `ometria.init("basket")`);
      const messages = messagesOf(await waitForLines(page, (lines) => messagesOf(lines).includes("Event: pageview (basket)")));
      assert.equal(messages[0], first.replace("NEW", "EXISTING"));
      assert.ok(!messages.includes("NEW COOKIE ID"));
      await open("/#om_debug=off");
      await page.evaluate(() => window.tillroll.ready);
      assert.equal(await page.evaluate(readPanel), null);
      await open("/next");
      await page.evaluate(() => window.tillroll.ready);
      assert.equal(await page.evaluate(readPanel), null);
    }));

  test("shows why an event is kept, and that it was stored later", () =>
    withPage(
      pages(),
      async ({ page, proxy, open }) => {
        proxy.fault = respondWith(503);
        await open("/#om_debug");
        await runScript(page, `ometria.init("homepage")`);
        await waitForLines(page, hasStatus("Event: pageview (homepage)", "kept: answered 503"));
        proxy.fault = undefined;
        await waitForLines(page, hasStatus("Event: pageview (homepage)", "stored"));
      },
      { useProxy: true, allowedErrors: /503/ },
    ));

  test("shows unchanged calls, dropped calls with their reason, and calls that wait for consent", () =>
    withPage(pages(), async ({ page, open }) => {
      await open("/#om_debug");
      await runScript(page, `ometria.init("homepage"); ometria.identify("a@x.com"); ometria.identify("A@x.com"); metrilo.viewProduct();`);
      const lines = await waitForLines(page, (lines) => lines.some(([, status]) => status.startsWith("dropped")));
      assert.deepEqual(lines.filter(([message]) => message.startsWith("No event")), [
        ["No event: identify", "unchanged"],
        ["No event: product_view", "dropped: meaningless, product_id"],
      ]);
      await runScript(page, `tillroll.consent("pending"); metrilo.viewProduct(1);`);
      await waitForLines(page, hasStatus("No event: product_view", "waiting: consent is pending"));
    }));

  test("prints a message's data to the console when it is clicked", () =>
    withPage(pages(), async ({ page, open }) => {
      await open("/#om_debug");
      await runScript(page, `ometria.init("product", { pid: "1" })`);
      await waitForLines(page, hasStatus("Event: pageview (product)", "stored"));
      const printed = page.waitForEvent("console");
      await page.getByRole("button", { name: "Event: pageview (product)" }).click();
      const [message, data] = await Promise.all((await printed).args().map((arg) => arg.jsonValue()));
      assert.deepEqual([message, data], ["Event: pageview (product)", { product_id: "1", page_type: "product", data: { pid: "1" } }]);
    }));

  test("shows values of the page as text, not as HTML", () =>
    withPage(pages(), async ({ page, open }) => {
      await open("/#om_debug");
      await runScript(page, `ometria.init("<img src=x onerror=alert(1)>"); ometria.trackTransaction("<b>1</b>");`);
      const messages = messagesOf(await waitForLines(page, (lines) => messagesOf(lines).some((line) => line.startsWith("Event: transaction"))));
      assert.ok(messages.includes("Event: pageview (<img src=x onerror=alert(1)>)") && messages.includes("Event: transaction (<b>1</b>)"));
      assert.equal(await page.evaluate(() => document.querySelector("tillroll-debug").shadowRoot.querySelectorAll("img, b").length), 0);
    }));

  test("can be folded, moved by pointer and keyboard, and closed", () =>
    withPage(pages(), async ({ page, open }) => {
      await page.setViewportSize({ width: 375, height: 600 });
      await open("/#om_debug");
      await waitForLines(page);
      const box = () => page.getByRole("region", { name: "Tillroll debug panel" }).boundingBox();
      const unfolded = await box();
      assert.ok(unfolded.x >= 0 && unfolded.x + unfolded.width <= 375, JSON.stringify(unfolded));
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
      assert.equal(await page.evaluate(readPanel), null);
      await open("/next");
      await page.evaluate(() => window.tillroll.ready);
      assert.equal(await page.evaluate(readPanel), null);
    }));

  test("is not downloaded unless the URL enables it, and tracking works if its file fails to load", () =>
    withPage(
      pages(),
      async ({ page, open, allEvents }) => {
        const requests = [];
        page.on("request", (request) => requests.push(request.url()));
        await open("/#elsewhere");
        await page.evaluate(() => window.tillroll.ready);
        assert.deepEqual(requests.filter((url) => url.includes("debug-")), []);
        await page.route("**/assets/debug-*", (route) => route.abort());
        await open("/next#om_debug");
        await runScript(page, `metrilo.viewProduct(1)`);
        assert.deepEqual((await allEvents()).map(({ type }) => type), ["land", "product_view"]);
        assert.equal(await page.evaluate(readPanel), null);
      },
      { allowedErrors: /Failed to load resource/ },
    ));
});

test("the debug panel works, with its styles, under a strict Content-Security-Policy", () => {
  const policy = (c) => `default-src 'none'; img-src data:; script-src ${c}; connect-src ${c}`;
  return withPage(
    (c) => ({ "/": () => ({ body: tag(c), headers: { "content-security-policy": policy(c) } }) }),
    async ({ page, open }) => {
      await open("/#om_debug");
      await waitForLines(page, (lines) => lines.some(([message, status]) => message.startsWith("Event: land") && status === "stored"));
      const position = await page.evaluate(() => getComputedStyle(document.querySelector("tillroll-debug")).position);
      assert.equal(position, "fixed");
    },
    { allowedErrors: /Content Security Policy/ },
  );
});
