// The reports page, with imported records whose sums the tests can compute.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { launch } from "../support/browser.mjs";
import { Collector } from "../support/collector.mjs";
import { OWNER, overflow, PHONE, rows, tiles, waitUntilLoaded, withOwnerPage as open } from "./reports-page.mjs";

const DAY_MS = 86_400_000;
/** Returns noon of the day `days` days ago. */
const daysAgo = (days) => `${new Date(Date.now() - days * DAY_MS).toISOString().slice(0, 10)}T12:00:00Z`;

const MARKETS = { de: { id: "m-de", name: "Germany" }, gb: { id: "m-gb", name: "United Kingdom" } };

const order = (id, days, total, { market = "de", email = "a@x.com", status = "approved", ...more } = {}) => ({
  id, status, placed_at: daysAgo(days), created_at: daysAgo(days), current_date: daysAgo(days), updated_at: daysAgo(days), total_amount_with_taxes: total,
  currency_code: market === "gb" ? "GBP" : "EUR", market: MARKETS[market], customer: { email },
  line_items: [{ code: "2", name: "Awesome T-Shirt", item_type: "skus", quantity: 2, total_amount: total }], ...more,
});

const ORDERS = [
  order("1", 100, 50),
  order("2", 3, 30, { coupon_code: "welcome5" }),
  order("3", 2, 10.5, { email: "b@x.com", line_items: [{ code: "x", name: "=Tote", item_type: "skus", quantity: 1, total_amount: 10.5 }] }),
  order("4", 2, 20, { market: "gb", email: "c@x.com" }),
  order("5", 2, 99, { email: "d@x.com", status: "cancelled" }),
  order("7", 2, 88, { email: "f@x.com", status: "canceled" }),
  order("6", 5, 9.5, { email: "e@x.com", returned: true }),
];
const cart = (id, days, status) => ({ ...order(id, days, 12, { status }), placed_at: undefined });
const CARTS = [cart("c1", 2, "pending"), cart("c2", 2, "draft"), cart("c3", 4, "draft")];
const RETURNS = [{ id: "r1", order_id: "6", status: "received", created_at: daysAgo(1), current_date: daysAgo(1), market: MARKETS.de }];

let browser;
let collector;
before(async () => {
  browser = await launch();
  collector = await Collector.start();
  for (const [resource, records] of [["orders", ORDERS], ["carts", CARTS], ["returns", RETURNS]]) {
    const body = records.map((record) => JSON.stringify(record)).join("\n");
    const answer = await fetch(`${collector.url}/import/${resource}`, { method: "POST", headers: collector.ownerHeaders(), body });
    assert.deepEqual(await answer.json(), { accepted: records.length, rejected: [], ignored: 0 });
  }
  await collector.countFresh("orders", "order.id");
});
after(async () => {
  await browser?.close();
  await collector?.close();
});

const withOwnerPage = (act, { query = "", options = OWNER, server = collector } = {}) => open(browser, `${server.url}/reports${query}`, act, options);

/** Returns the rows of a table that have a number other than zero. */
const nonZeroRows = async (page, id) => (await rows(page, id)).filter((row) => row.slice(1).some((cell) => !/^\D*0(\.00)?$/.test(cell)));

test("every widget shows the numbers of the records", () =>
  withOwnerPage(
    async (page) => {
      assert.deepEqual(await tiles(page), {
        Revenue: "€50.00", Orders: "4", "Average order": "€16.67", Customers: "4", Returns: "1", "Abandoned carts": "3",
      });
      assert.deepEqual((await nonZeroRows(page, "revenue")).map((row) => row[1]), ["€9.50", "€30.00", "€10.50"]);
      assert.deepEqual((await nonZeroRows(page, "orders")).map((row) => row[1]), ["1", "1", "2"]);
      assert.deepEqual(await rows(page, "funnel"), [
        ["Cart filled", "9", "100%"], ["Customer identified", "7", "77.8%"], ["Ordered", "6", "66.7%"], ["Neither cancelled nor returned", "3", "33.3%"],
      ]);
      assert.deepEqual((await nonZeroRows(page, "abandoned")).map((row) => row.slice(1)), [["1", "€12.00"], ["2", "€24.00"]]);
      assert.deepEqual(await rows(page, "markets"), [["Germany", "3", "€50.00", "–"], ["United Kingdom", "1", "–", "£20.00"]]);
      const headings = (id) => page.$$eval(`#${id} .scroller thead th`, (cells) => cells.map((cell) => cell.textContent));
      assert.deepEqual([await headings("markets"), await headings("coupons")], [["Market", "Orders", "Revenue (EUR)", "Revenue (GBP)"], ["Code", "Orders", "Revenue"]]);
      assert.deepEqual(await rows(page, "coupons"), [["welcome5", "1", "€30.00"]]);
      assert.deepEqual(await rows(page, "statuses"), [["approved", "4"], ["canceled", "1"], ["cancelled", "1"]]);
      assert.equal(await page.locator(".chart canvas").count(), 3);
      await page.click("#parts a:has-text('Products')");
      await waitUntilLoaded(page);
      assert.deepEqual(await rows(page, "abandoned-products"), [["Awesome T-Shirt", "3"]]);
      assert.deepEqual(await rows(page, "products"), [["Awesome T-Shirt", "6", "€39.50"], ["=Tote", "1", "€10.50"]]);
      await page.click("#parts a:has-text('Customers')");
      await waitUntilLoaded(page);
      const customers = await rows(page, "customers");
      const sum = (at) => customers.reduce((sum, row) => sum + Number(row[at]), 0);
      assert.deepEqual([sum(1), sum(2)], [3, 1]);
    },
    { query: "?days=30" },
  ));

test("the filters apply to every widget and are in the URL", () =>
  withOwnerPage(
    async (page) => {
      await page.selectOption("[name=market]", "m-gb");
      await waitUntilLoaded(page);
      await page.selectOption("[name=currency]", "GBP");
      await waitUntilLoaded(page);
      assert.equal((await tiles(page)).Revenue, "£20.00");
      await page.reload();
      await waitUntilLoaded(page);
      assert.deepEqual([(await tiles(page)).Revenue, await page.inputValue("[name=market]")], ["£20.00", "m-gb"]);
      await page.check("[name=period][value=custom]");
      await page.fill("[name=from]", daysAgo(2).slice(0, 10));
      await page.fill("[name=to]", daysAgo(1).slice(0, 10));
      await waitUntilLoaded(page);
      assert.equal((await rows(page, "orders")).length, 2);
      assert.match(page.url(), /from=.*market=m-gb/);
    },
    { query: "?days=7" },
  ));

test("a widget's table can be downloaded as CSV", () =>
  withOwnerPage(
    async (page) => {
      const save = async (id) => {
        const [download] = await Promise.all([page.waitForEvent("download"), page.click(`#${id} .csv`)]);
        return [download.suggestedFilename(), await readFile(await download.path(), "utf8")];
      };
      const [, days] = await save("revenue");
      assert.ok(days.includes(`${daysAgo(3).slice(0, 10)},30\r\n`) && days.split("\r\n").length === 32, days);
      await page.click("#parts a:has-text('Products')");
      await waitUntilLoaded(page);
      const [name, text] = await save("products");
      assert.match(name, /^tillroll-products-\d{4}-\d\d-\d\d-\d{4}-\d\d-\d\d\.csv$/);
      assert.equal(text, "\ufeffProduct,Sold,Revenue (EUR)\r\nAwesome T-Shirt,6,39.5\r\n'=Tote,1,10.5\r\n");
    },
    { query: "?days=30" },
  ));

test("the page fits a phone and prints in light colours", async () => {
  await withOwnerPage(async (page) => assert.equal(await overflow(page), 0), { options: PHONE, query: "?days=365" });
  await withOwnerPage(async (page) => {
    await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
    await page.emulateMedia({ media: "print", colorScheme: "dark" });
    await page.setViewportSize({ width: 680, height: 1000 });
    assert.equal(await page.isVisible("#filters"), false);
    assert.equal(await overflow(page), 0);
    assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue("--ink").trim()), "#20261f");
  }, { options: { ...OWNER, colorScheme: "dark" } });
});

test("an empty shop shows empty widgets, and a failed query shows an error and a retry button", async () => {
  const empty = await Collector.start(["--demo"]);
  try {
    await withOwnerPage(
      async (page) => {
        assert.equal(await page.locator(".widget[data-state=empty]").count(), await page.locator(".widget").count());
        assert.equal((await tiles(page)).Orders, "0");
      },
      { server: empty, options: { locale: "en-GB" } },
    );
  } finally {
    await empty.close();
  }
  await withOwnerPage(async (page) => {
    await page.route("**/metrics/orders/breakdown", (route) => route.fulfill({ status: 503, body: "{}" }));
    await page.check("[name=period][value='7']");
    await waitUntilLoaded(page);
    assert.match(await page.textContent("#markets [role=alert]"), /cannot answer now/);
    assert.equal((await tiles(page)).Orders, "4");
    await page.unroute("**/metrics/orders/breakdown");
    await page.click("#markets [role=alert] button");
    await page.waitForSelector("#markets[data-state=shown]");
    page.errors.splice(0, page.errors.length, ...page.errors.filter((text) => !text.includes("503")));
  });
});

test("after an outage, one button loads all that failed", () =>
  withOwnerPage(async (page) => {
    await page.route("**/metrics/**", (route) => route.fulfill({ status: 503, body: "{}" }));
    await page.check("[name=period][value='7']");
    await waitUntilLoaded(page);
    assert.equal(await page.locator("[role=alert]").count(), 1 + (await page.locator(".widget").count()));
    assert.doesNotMatch(await page.textContent("#about"), /in no amount/);
    await page.unroute("**/metrics/**");
    await page.click("#markets [role=alert] button");
    await page.waitForFunction(() => !document.querySelector("[role=alert]") && document.querySelector("[name=market]").options.length === 3);
    assert.match(await page.textContent("#about"), /Orders that are in no amount: 1 in GBP\.$/);
    assert.equal((await tiles(page)).Orders, "4");
    page.errors.splice(0, page.errors.length, ...page.errors.filter((text) => !text.includes("503")));
  }));

test("a day that no month has makes no period", () =>
  withOwnerPage(async (page) => {
    assert.deepEqual([await page.isVisible("#widgets"), await page.isChecked("[name=period][value='90']")], [true, true]);
  }, { query: "?from=2026-02-30&to=2026-03-01" }));

test("requests without the owner's credentials get 401, and the page's policy allows only its own origin", async () => {
  for (const [path, method] of [["/reports", "GET"], ["/reports/token", "POST"]]) {
    const answer = await fetch(collector.url + path, { method });
    assert.deepEqual([answer.status, answer.headers.get("access-control-allow-origin")], [401, null]);
    await answer.text();
  }
  const page = await fetch(`${collector.url}/reports`, { headers: collector.ownerHeaders() });
  const policy = page.headers.get("content-security-policy");
  for (const part of ["default-src 'none'", "script-src 'self';", "style-src 'self';", "connect-src 'self';", "frame-ancestors 'none'"]) {
    assert.ok(policy.includes(part), policy);
  }
});
