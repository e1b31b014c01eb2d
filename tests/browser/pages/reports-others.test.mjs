// What tables leave out: filters that they cannot apply, orders without a visit or without an amount in the currency, and customers of others.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch } from "../support/browser.mjs";
import { Collector, TOKEN } from "../support/collector.mjs";
import { rows, withOwnerPage } from "./reports-page.mjs";

const DESKTOP_AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36";
const minutesAgo = (minutes) => Date.now() - minutes * 60_000;
const OTHERS = "Others or unknown";

let events = 0;
const event = (type, visit, minutes, params, path = "/") => {
  events += 1;
  const id = `01890a5d-0000-7000-8000-${events.toString(16).padStart(12, "0")}`;
  return { id, type, api: "metrilo", time: minutesAgo(minutes), visitorId: visit, sessionId: visit, params, page: { url: `https://shop.example${path}`, referrer: "", title: "T" } };
};
const buy = (visit, query, order) => [
  event("land", visit, 60, { current_url: `https://shop.example/${query}`, source_url: "" }, `/${query}`), event("product_view", visit, 59, { product_id: "HAT" }),
  event("identify", visit, 58, { email: `${visit}@x.com` }), event("order", visit, 57, { order_id: visit, lines: [{ product_id: "HAT", quantity: 1, total: order.total }], ...order }),
];
/** On a computer: a mail with an order of 40 euros, and a direct visit with an order without a currency. */
const EVENTS = [...buy("mail", "?utm_source=news&utm_medium=email&utm_campaign=sale", { total: 40, currency: "EUR" }), ...buy("direct", "", { total: 7 })];

const record = (id, minutes, more) => {
  const time = new Date(minutesAgo(minutes)).toISOString();
  return { id, status: "approved", placed_at: time, created_at: time, current_date: time, updated_at: time, ...more };
};
/** Orders without a visit: one customer pays in dollars first, then in euros; the second one has a market. */
const ORDERS = [
  record("usd", 50, { total_amount_with_taxes: 10, currency_code: "USD", customer: { email: "mix@x.com" } }),
  record("eur", 40, { total_amount_with_taxes: 100, currency_code: "EUR", customer: { email: "mix@x.com" } }),
  record("de", 30, { total_amount_with_taxes: 20, currency_code: "EUR", customer: { email: "de@x.com" }, market: { id: "m-de", name: "Germany" } }),
];
const CARTS = [record("cart", 30, { status: "pending", placed_at: undefined, total_amount_with_taxes: 5, currency_code: "EUR" })];

let browser;
let collector;
before(async () => {
  browser = await launch();
  collector = await Collector.start();
  for (const [resource, records] of [["orders", ORDERS], ["carts", CARTS]]) {
    const body = records.map((record) => JSON.stringify(record)).join("\n");
    const answer = await fetch(`${collector.url}/import/${resource}`, { method: "POST", headers: collector.ownerHeaders(), body });
    assert.equal((await answer.json()).accepted, records.length);
  }
  const body = JSON.stringify({ token: TOKEN, sentAt: Date.now(), events: EVENTS });
  const answer = await (await fetch(`${collector.url}/v2/batch`, { method: "POST", headers: { "user-agent": DESKTOP_AGENT }, body })).json();
  assert.deepEqual(answer, { accepted: EVENTS.length, duplicates: 0, rejected: [] });
  assert.equal(await collector.countFresh("orders", "order.id"), 5);
});
after(async () => {
  await browser?.close();
  await collector?.close();
});

const withPart = (part, act) => withOwnerPage(browser, `${collector.url}/reports?days=7&currency=EUR&part=${part}`, act);

for (const [title, part, id, filter, expected] of [
  ["the way from the cart to the order", "overview", "funnel", "channel=email",
    [["Cart filled", "6", "100%"], ["Customer identified", "6", "100%"], ["Ordered", "5", "83.3%"], ["Neither cancelled nor returned", "5", "83.3%"]]],
  ["the table of products", "products", "product-performance", "device=mobile", [["HAT (no name)", "2", "0", "2", "2", "€40.00", "100%"]]],
  ["the table of products that are not bought", "products", "not-bought", "device=mobile", [["HAT (no name)", "2", "2", "1"]]],
]) {
  const name = filter.split("=")[0];
  test(`${title} has no filter by ${name}: it names the filter, and none of its numbers is filtered by it`, () =>
    withPart(`${part}&${filter}`, async (page) => {
      assert.deepEqual(await rows(page, id), expected);
      assert.equal(await page.textContent(`#${id} .unused`), `Not filtered by ${name}.`);
      assert.doesNotMatch(await page.textContent(`#${id} caption`), new RegExp(name));
    }));
}

test("orders without a visit, a campaign or a market are in the row of all others", async () => {
  await withPart("traffic", async (page) => {
    const touched = [["direct", "1", "–"], ["email", "1", "€40.00"]];
    assert.deepEqual(await rows(page, "last-channels"), [...touched, [OTHERS, "3", "€120.00"]]);
    assert.deepEqual(await rows(page, "last-campaigns"), [["sale", "1", "€40.00"], [OTHERS, "4", "€120.00"]]);
    assert.deepEqual(await rows(page, "last-sources"), [["direct", "1", "–"], ["news", "1", "€40.00"], [OTHERS, "3", "€120.00"]]);
  });
  await withPart("traffic&channel=direct", async (page) => {
    assert.deepEqual(await rows(page, "last-campaigns"), [[OTHERS, "1", "–"]]);
    assert.match(await page.textContent("#campaigns .nothing"), /^No data with these filters/);
  });
  await withPart("traffic&market=m-de", async (page) => assert.deepEqual(await rows(page, "last-channels"), [[OTHERS, "1", "€20.00"]]));
  await withPart("overview", async (page) => assert.deepEqual(await rows(page, "markets"), [[TOKEN, "2", "€40.00", "–"], ["Germany", "1", "€20.00", "–"], [OTHERS, "2", "€100.00", "US$10.00"]]));
});

test("the row of all others has a dash if its orders have no amount in the currency", () =>
  withPart("traffic", async (page) => assert.deepEqual(await rows(page, "campaigns"), [["sale", "1", "1", "€40.00", "€40.00", "100%"], [OTHERS, "1", "1", "–", "–", "100%"]])));

test("customers without a visit are in the row of all others, and the note names the customers whose revenue counts", () =>
  withPart("customers", async (page) => {
    assert.deepEqual((await rows(page, "first-channels")).sort(), [["direct", "1", "0", "0%", "–"], ["email", "1", "0", "0%", "€40.00"], [OTHERS, "2", "1", "50%", "€20.00"]].sort());
    for (const id of ["first-channels", "first-campaigns", "cohorts", "segments"]) {
      assert.match(await page.textContent(`#${id} .note`), /customers whose first order is in the chosen currency, without their orders in others/, id);
    }
  }));

test("tables of visits state that they count orders within the visit, and name the table of the later ones", () =>
  withPart("traffic", async (page) => {
    for (const name of ["channel", "source", "campaign"]) {
      const title = `Orders by ${name} of the last touch`;
      const note = await page.textContent(`#${name}s .note`);
      assert.ok(note.includes("Orders are those within the visit") && note.includes(`“${title}”`), note);
      assert.equal(await page.textContent(`#last-${name}s h2`), title);
    }
    assert.match(await page.textContent("#landing-pages .note"), /^Orders are those within the visit/);
  }));
