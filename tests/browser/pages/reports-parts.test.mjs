// The parts of the reports about traffic, products and customers, with visits whose numbers the tests can compute.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { launch } from "../support/browser.mjs";
import { Collector, TOKEN } from "../support/collector.mjs";
import { OWNER, overflow, PHONE, rows, tiles, waitUntilLoaded, withOwnerPage } from "./reports-page.mjs";

const MOBILE_AGENT = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
const DESKTOP_AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36";
const MARKUP = "<img src=x onerror=\"document.title='hacked'\">";

let events = 0;
const event = (type, minutesAgo, visitorId, sessionId, params, path = "/", referrer = "") => {
  events += 1;
  const id = `01890a5d-0000-7000-8000-${events.toString(16).padStart(12, "0")}`;
  return { id, type, api: "metrilo", time: Date.now() - minutesAgo * 60_000, visitorId, sessionId, params, page: { url: `https://shop.example${path}`, referrer, title: "T" } };
};
const land = (minutesAgo, visitorId, sessionId, path, source = "") =>
  event("land", minutesAgo, visitorId, sessionId, { current_url: `https://shop.example${path}`, source_url: source }, path, source);
const view = (minutesAgo, visitorId, sessionId, path) => event("page_view", minutesAgo, visitorId, sessionId, { url: `https://shop.example${path}` }, path);
const viewProduct = (minutesAgo, visitorId, sessionId) => event("product_view", minutesAgo, visitorId, sessionId, { product_id: "HAT" }, "/hat");

/** A changed basket to which one hat was added. */
const HAT_ADDED = { total: 20, currency: "EUR", lines: [{ product_id: "HAT", quantity: 1, price: 20 }], changes: [{ product_id: "HAT", from: 0, to: 1 }] };

/** On a phone: a bounce from a search, and a visit by an advertisement whose campaign is markup. */
const ON_PHONE = () => [
  land(3_000, "a", "a1", "/hat", "https://www.google.com/"), view(3_000, "a", "a1", "/hat"),
  land(2_900, "b", "b1", `/?utm_source=instagram&utm_medium=cpc&utm_campaign=${encodeURIComponent(MARKUP)}`, "https://l.instagram.com/"), view(2_900, "b", "b1", "/"),
  viewProduct(2_899, "b", "b1"), event("search", 2_898, "b", "b1", { query: "gloves", url: "https://shop.example/search" }, "/search"),
  event("identify", 2_897, "b", "b1", { email: "b@x.com" }, "/account"),
];
/** On a computer: the same person by mail, with an order; and a direct visit that fills a cart, which the page reports by both events. */
const ON_COMPUTER = () => [
  land(1_500, "c", "c1", "/sale?utm_source=newsletter&utm_medium=email&utm_campaign=sale"), view(1_500, "c", "c1", "/sale"), viewProduct(1_499, "c", "c1"),
  event("basket_update", 1_498, "c", "c1", HAT_ADDED, "/hat"), event("checkout", 1_497, "c", "c1", {}, "/checkout"),
  event("identify", 1_496, "c", "c1", { email: "b@x.com" }, "/checkout"),
  event("order", 1_495, "c", "c1", { order_id: "1", total: 40, currency: "EUR", lines: [{ product_id: "HAT", name: "Woollen hat", quantity: 2, total: 40 }] }, "/thanks"),
  land(1_400, "d", "d1", "/"), view(1_400, "d", "d1", "/"), viewProduct(1_399, "d", "d1"), event("basket_add", 1_398, "d", "d1", { product_id: "HAT", quantity: 1 }, "/hat"),
  event("basket_update", 1_398, "d", "d1", HAT_ADDED, "/hat"),
];

let browser;
let collector;
before(async () => {
  browser = await launch();
  collector = await Collector.start();
  const headers = collector.ownerHeaders();
  const product = JSON.stringify({ id: "HAT", name: "Woollen hat", price: 20 });
  assert.equal((await (await fetch(`${collector.url}/import/products`, { method: "POST", headers, body: product })).json()).accepted, 1);
  for (const [agent, list] of [[MOBILE_AGENT, ON_PHONE()], [DESKTOP_AGENT, ON_COMPUTER()]]) {
    const body = JSON.stringify({ token: TOKEN, sentAt: Date.now(), events: list });
    const answer = await (await fetch(`${collector.url}/v2/batch`, { method: "POST", headers: { "user-agent": agent }, body })).json();
    assert.deepEqual(answer, { accepted: list.length, duplicates: 0, rejected: [] });
  }
  assert.equal(await collector.countFresh("visits", "visit.id"), 4);
});
after(async () => {
  await browser?.close();
  await collector?.close();
});

const withPart = (part, act, options = OWNER) => withOwnerPage(browser, `${collector.url}/reports?part=${part}&days=7`, act, options);

const sum = (table, at) => table.reduce((sum, row) => sum + Number(row[at]), 0);

test("traffic shows visits by day, source, page and device, with their orders", () =>
  withPart("traffic", async (page) => {
    assert.deepEqual(await tiles(page), { Visits: "4", Visitors: "3", "Page views": "8", Bounces: "25%", "Minutes on average": "2:30", "Visits with an order": "25%" });
    const days = await rows(page, "visits");
    assert.deepEqual([1, 3].map((at) => sum(days, at)), [4, 8]);
    const channels = await rows(page, "channels");
    assert.deepEqual(channels.find(([name]) => name === "email"), ["email", "1", "1", "€40.00", "€40.00", "100%"]);
    assert.deepEqual(channels.map(([name]) => name).sort(), ["direct", "email", "paid", "search"]);
    assert.deepEqual((await rows(page, "campaigns")).map((row) => row.slice(0, 3)).sort(), [[MARKUP, "1", "0"], ["Others or unknown", "2", "0"], ["sale", "1", "1"]].sort());
    assert.deepEqual((await rows(page, "devices")).map((row) => row.slice(0, 2)).sort(), [["desktop", "2"], ["mobile", "2"]]);
    assert.deepEqual(await rows(page, "searches"), [["gloves", "1", "1", "0"]]);
    // The page of the product was reported by page_view once and by product_view in three visits.
    assert.deepEqual((await rows(page, "pages")).sort(), [["/", "2"], ["/hat", "4"], ["/sale", "1"], ["/search", "1"]]);
    assert.deepEqual(await rows(page, "visit-funnel"), [
      ["Visited the shop", "4", "100%", "100%"], ["Viewed a product", "3", "75%", "75%"], ["Put something into the cart", "2", "50%", "66.7%"],
      ["Went to the checkout", "1", "25%", "50%"], ["Ordered", "1", "25%", "100%"],
    ]);
    assert.deepEqual([await rows(page, "last-channels"), await rows(page, "first-channels-of-orders")], [[["email", "1", "€40.00"]], [["paid", "1", "€40.00"]]]);
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#campaigns .csv")]);
    assert.match(await readFile(await download.path(), "utf8"), /Campaign,Visits,Orders,Revenue \(EUR\),Per visit \(EUR\),Conversion\r\n/);
    assert.equal(await page.title(), "Reports · Tillroll");
  }));

test("the filters for channel and device apply where they can, and stay when the part changes", () =>
  withPart(
    "traffic",
    async (page) => {
      await page.selectOption("[name=device]", "mobile");
      await waitUntilLoaded(page);
      assert.equal((await tiles(page)).Visits, "2");
      await page.selectOption("[name=channel]", "paid");
      await waitUntilLoaded(page);
      assert.equal((await tiles(page)).Visits, "1");
      await page.click("#parts a:has-text('Overview')");
      await waitUntilLoaded(page);
      assert.deepEqual(["device", "channel"].map((name) => new URL(page.url()).searchParams.get(name)), ["mobile", "paid"]);
      assert.equal(await page.textContent("#revenue .unused"), "Not filtered by device.");
      assert.equal(await page.getAttribute("#parts a:has-text('Overview')", "aria-current"), "page");
    },
  ));

test("products show views, carts, orders and revenue", () =>
  withPart("products", async (page) => {
    assert.deepEqual(await rows(page, "product-performance"), [["Woollen hat", "3", "2", "2", "1", "€40.00", "33.3%"]]);
    assert.deepEqual(await rows(page, "not-bought"), [["Woollen hat", "3", "1", "3"]]);
  }));

test("customers show cohorts and first sources", () =>
  withPart("customers", async (page) => {
    const ordered = Date.now() - 1_495 * 60_000;
    const month = new Intl.DateTimeFormat("en-GB", { month: "short", year: "numeric", timeZone: "UTC" }).format(ordered);
    assert.deepEqual(await rows(page, "cohorts"), [[month, "1", "0", "0%", "€40.00"]]);
    assert.deepEqual(await rows(page, "first-channels"), [["paid", "1", "0", "0%", "€40.00"]]);
    const day = await page.evaluate((time) => new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" }).format(time), ordered);
    assert.deepEqual(await rows(page, "best-customers"), [["b@x.com", "1", "€40.00", day]]);
    assert.deepEqual((await rows(page, "segments")).map((row) => row.slice(0, 2)), [["New", "1"]]);
    assert.equal((await tiles(page))["New customers"], "1");
  }));

test("in the part about customers, the filters of the source mean the first visit", () =>
  withPart("customers", async (page) => {
    const figures = async () => {
      const { Customers, Orders } = await tiles(page);
      return [Customers, Orders, sum(await rows(page, "customers"), 1), (await rows(page, "best-customers")).length];
    };
    assert.doesNotMatch(await page.textContent("#summary .note"), /first visit/);
    await page.selectOption("[name=channel]", "paid");
    await waitUntilLoaded(page);
    assert.deepEqual(await figures(), ["1", "1", 1, 1]);
    assert.match(await page.textContent("#summary .note"), /channel, source and campaign are those of the first visit/);
    await page.selectOption("[name=channel]", "email");
    await waitUntilLoaded(page);
    assert.deepEqual(await figures(), ["0", "0", 0, 0]);
  }));

test("customers and segments are links to their pages", () =>
  withPart("customers", async (page) => {
    assert.equal(await page.getAttribute("#best-customers a", "href"), "/customers/b%40x.com");
    await page.click("#segments a:has-text('New')");
    await page.waitForSelector("#list[aria-busy=false]");
    assert.deepEqual(await page.$$eval("#rows tbody th a", (links) => links.map((link) => link.textContent)), ["b@x.com"]);
    assert.equal(await page.inputValue("[name=segment]"), "new");
  }));

const PARTS = ["overview", "traffic", "products", "customers"];

test("each part fits a phone, with a long campaign too", async () => {
  for (const part of PARTS) {
    for (const filter of ["", `&campaign=${"x".repeat(300)}`]) {
      await withPart(part + filter, async (page) => assert.equal(await overflow(page), 0, part), PHONE);
    }
  }
});

test("each part fits a printed page", async () => {
  for (const part of PARTS) {
    await withPart(part, async (page) => {
      await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
      await page.emulateMedia({ media: "print" });
      await page.setViewportSize({ width: 680, height: 1000 });
      assert.equal(await overflow(page), 0, part);
      const cut = await page.$$eval(".scroller", (all) => all.filter((one) => one.scrollHeight > one.clientHeight + 1 || one.scrollWidth > one.clientWidth + 1).map((one) => one.closest("section").id));
      assert.deepEqual(cut, [], part);
    });
  }
});
