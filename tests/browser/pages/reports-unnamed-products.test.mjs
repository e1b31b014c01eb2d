// The tables of products of a shop whose back end sends no catalogue: products without a name are listed and filtered by their ids.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch } from "../support/browser.mjs";
import { Collector, TOKEN } from "../support/collector.mjs";
import { rows, withOwnerPage } from "./reports-page.mjs";

let events = 0;
const event = (type, visit, params) => {
  events += 1;
  const id = `01890a5d-0000-7000-8000-${events.toString(16).padStart(12, "0")}`;
  return { id, type, api: "metrilo", time: Date.now() - 600_000 + events, visitorId: visit, sessionId: visit, params, page: { url: "https://shop.example/", referrer: "", title: "T" } };
};
const view = (visit, product_id) => event("product_view", visit, { product_id });
const add = (visit, product_id) => event("basket_add", visit, { product_id, quantity: 1 });
const order = (visit, order_id, lines) => [event("identify", visit, { email: `${visit}@x.com` }), event("order", visit, { order_id, total: 30, currency: "EUR", lines })];

/** Product 877 has a name nowhere, product 900 only in an order, which contains both. */
const EVENTS = [
  view("a", "877"), view("a", "877"), add("a", "877"), ...order("a", "1", [{ product_id: "877", quantity: 2, total: 20 }, { product_id: "900", name: "Scarf", quantity: 1, total: 10 }]),
  view("b", "877"), view("b", "55"), add("c", "55"),
];

let browser;
let collector;
before(async () => {
  browser = await launch();
  collector = await Collector.start();
  const answer = await (await fetch(`${collector.url}/v2/batch`, { method: "POST", body: JSON.stringify({ token: TOKEN, sentAt: Date.now(), events: EVENTS }) })).json();
  assert.deepEqual(answer, { accepted: EVENTS.length, duplicates: 0, rejected: [] });
  assert.equal(await collector.countFresh("visits", "visit.id"), 3);
});
after(async () => {
  await browser?.close();
  await collector?.close();
});

const withProducts = (act, filter = "") => withOwnerPage(browser, `${collector.url}/reports?part=products&days=7&currency=EUR${filter}`, act);

test("products without a name are listed by their ids, with views, carts, orders and revenue", () =>
  withProducts(async (page) => {
    assert.deepEqual(await rows(page, "product-performance"), [
      ["877 (no name)", "2", "1", "2", "1", "€20.00", "50%"],
      ["Scarf", "0", "0", "1", "1", "€10.00", "–"],
      ["55 (no name)", "1", "1", "0", "0", "€0.00", "0%"],
    ]);
    assert.deepEqual(await rows(page, "not-bought"), [["877 (no name)", "2", "1", "2"], ["55 (no name)", "1", "0", "1"]]);
    assert.deepEqual(await rows(page, "products"), [["877 (no name)", "2", "€20.00"], ["Scarf", "1", "€10.00"]]);
  }));

test("such a product is a link that filters by it", () =>
  withProducts(async (page) => {
    await Promise.all([page.waitForURL(/product=/), page.click("#product-performance tbody a")]);
    await page.waitForSelector("main[aria-busy=false]");
    assert.equal(new URL(page.url()).searchParams.get("product"), "877 (no name)");
    assert.deepEqual((await rows(page, "not-bought")).map(([name]) => name), ["877 (no name)"]);
  }));

test("the menu of products has those of orders", () =>
  withProducts(async (page) => {
    await page.hover("form");
    await page.waitForFunction(() => document.querySelector("form select[name=product]").options.length > 2);
    const products = await page.$$eval("form select[name=product] option", (options) => options.slice(1).map(({ value }) => value));
    assert.deepEqual(products.sort(), ["877 (no name)", "Scarf"]);
  }));

test("a filter by another product leaves out the others", () =>
  withProducts(async (page) => {
    assert.deepEqual((await rows(page, "not-bought")).map(([name]) => name), ["55 (no name)"]);
    assert.deepEqual(await rows(page, "products"), []);
  }, "&product=55 (no name)"));
