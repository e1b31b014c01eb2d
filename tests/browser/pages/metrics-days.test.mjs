// The pages of a collector whose queries cover few days (`--metrics-days`), and periods that no query covers.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, openPage } from "../support/browser.mjs";
import { Collector } from "../support/collector.mjs";
import { OWNER, tiles, waitUntilLoaded, withOwnerPage } from "./reports-page.mjs";

const DAY_MS = 86_400_000;
const timeOf = (days) => new Date(Date.now() - days * DAY_MS).toISOString();
const order = (id, days, email) => ({
  id, number: id, status: "approved", placed_at: timeOf(days), created_at: timeOf(days), current_date: timeOf(days), updated_at: timeOf(days),
  total_amount_with_taxes: 10, currency_code: "EUR", customer: { email },
});
const ORDERS = [order("1", 2, "a@x.com"), order("2", 45, "a@x.com"), order("3", 45, "b@x.com"), order("4", 150, "c@x.com")];

let browser;
const collectors = {};
before(async () => {
  browser = await launch();
  for (const days of [5, 30, 200]) {
    const collector = await Collector.start(["--metrics-days", String(days)]);
    collectors[days] = collector;
    // The collector refuses queries without dates then, because these cover 30 days.
    if (days < 30) continue;
    const body = ORDERS.map((record) => JSON.stringify(record)).join("\n");
    assert.equal((await (await fetch(`${collector.url}/import/orders`, { method: "POST", headers: collector.ownerHeaders(), body })).json()).accepted, ORDERS.length);
    await collector.countFresh("orders", "order.id");
  }
});
after(async () => {
  await browser?.close();
  for (const collector of Object.values(collectors)) await collector.close();
});

/** Returns the values of the named periods that can be chosen, and the chosen one. */
const periodsOf = (page) =>
  page.$$eval("[name=period]", (radios) => [radios.filter(({ disabled, value }) => !disabled && Number(value)).map(({ value }) => value), radios.find(({ checked }) => checked).value]);

test("the longest named period that a query covers is chosen, and longer ones are disabled", async () => {
  await withOwnerPage(browser, `${collectors[30].url}/reports`, async (page) => {
    assert.deepEqual(await periodsOf(page), [["7", "30"], "30"]);
    assert.equal((await tiles(page)).Orders, "1");
    assert.equal(await page.locator(".error").count(), 0);
  });
  await withOwnerPage(browser, `${collectors[200].url}/reports?days=365`, async (page) => {
    assert.deepEqual(await periodsOf(page), [["7", "30", "90"], "90"]);
    assert.equal((await tiles(page)).Orders, "3");
  });
  await withOwnerPage(browser, `${collectors[5].url}/reports`, async (page) => {
    assert.deepEqual(await periodsOf(page), [[], "custom"]);
    assert.equal((await tiles(page)).Orders, "0");
    assert.equal(await page.locator(".error").count(), 0);
  });
});

test("a period that no query covers shows its error and no figures", async () => {
  const page = await openPage(browser, OWNER);
  await page.goto(`${collectors[200].url}/reports?from=2015-01-01&to=2026-01-01`);
  await page.waitForSelector("#widgets[aria-busy=false]", { state: "attached" });
  assert.equal(await page.textContent("#about"), "The period must not exceed 200 days.");
  assert.equal(await page.isVisible("#widgets"), false);
  await page.fill("[name=from]", "2026-02-01");
  assert.equal(await page.textContent("#about"), "The first day is after the last day.");
  await page.fill("[name=from]", "2025-12-01");
  await waitUntilLoaded(page);
  assert.match(await page.textContent("#about"), /^1 Dec 2025 to 1 Jan 2026/);
  assert.match(page.url(), /from=2025-12-01/);
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("the pages of customers work with fewer days, and name them", async () => {
  const page = await openPage(browser, OWNER);
  await page.goto(`${collectors[30].url}/customers`);
  await page.waitForSelector("#list[aria-busy=false]");
  assert.equal(await page.textContent("#about"), "One customer seen within the last 30 days.");
  await page.click("text=a@x.com");
  await page.waitForSelector("#person[aria-busy=false]");
  assert.equal(await page.locator(".error").count(), 0);
  assert.equal(await page.textContent("#figures dd"), "1");
  assert.match(await page.textContent("#figures .note"), /^Orders before .* cover the last 30 days\./);
  assert.equal(await page.locator("#orders tbody tr").count(), 1);
  assert.deepEqual(page.errors, []);
  await page.context().close();
});
