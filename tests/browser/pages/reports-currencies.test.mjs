// Orders in several currencies and without one: which amounts the reports lack. And the segments of customers, which are those of today.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { launch } from "../support/browser.mjs";
import { Collector } from "../support/collector.mjs";
import { rows, tiles, waitUntilLoaded, withOwnerPage } from "./reports-page.mjs";

const DAY_MS = 86_400_000;
const timeOf = (days) => new Date(Date.now() - days * DAY_MS).toISOString();
const MARKETS = { de: { id: "m-de", name: "Germany" }, gb: { id: "m-gb", name: "United Kingdom" } };
const order = (id, days, market, currency) => ({
  id, number: id, status: "approved", placed_at: timeOf(days), created_at: timeOf(days), current_date: timeOf(days), updated_at: timeOf(days),
  total_amount_with_taxes: 10, currency_code: currency, market: MARKETS[market], customer: { email: `${id}@x.com` },
});
const ORDERS = [
  order("1", 2, "de", "EUR"), order("2", 2, "de", "EUR"), order("3", 2, "de", "EUR"), order("4", 2, "gb", "GBP"), order("5", 2, "gb", "GBP"),
  order("6", 40, "de", undefined), order("7", 300, "de", "EUR"),
];

let browser;
let collector;
before(async () => {
  browser = await launch();
  collector = await Collector.start();
  const body = ORDERS.map((record) => JSON.stringify(record)).join("\n");
  assert.equal((await (await fetch(`${collector.url}/import/orders`, { method: "POST", headers: collector.ownerHeaders(), body })).json()).accepted, ORDERS.length);
  await collector.countFresh("orders", "order.id");
});
after(async () => {
  await browser?.close();
  await collector?.close();
});

test("amounts that no order has are a dash, and the description counts the orders that are in no amount", () =>
  withOwnerPage(browser, `${collector.url}/reports?days=7`, async (page) => {
    const about = () => page.textContent("#about");
    assert.match(await about(), /amounts in EUR\. Orders that are in no amount: 2 in GBP\.$/);
    await page.selectOption("[name=market]", "m-gb");
    await waitUntilLoaded(page);
    const { Revenue, Orders, "Average order": average } = await tiles(page);
    assert.deepEqual([Revenue, Orders, average], ["–", "2", "–"]);
    await page.selectOption("[name=currency]", "GBP");
    await waitUntilLoaded(page);
    assert.equal((await tiles(page)).Revenue, "£20.00");
    assert.match(await about(), /amounts in GBP\.$/);
    await page.click("text=Clear filters");
    await page.waitForURL((url) => !url.searchParams.has("market"));
    await waitUntilLoaded(page);
    const params = new URL(page.url()).searchParams;
    assert.deepEqual([params.get("days"), params.get("currency"), await page.isVisible("#clear")], ["7", "GBP", false]);
  }));

test("orders without a currency are counted in the chosen period, and stand in no caption", () =>
  withOwnerPage(browser, `${collector.url}/reports?days=90&market=m-de`, async (page) => {
    assert.match(await page.textContent("#about"), /Orders that are in no amount: 1 without a currency \(the setting --currency gives new ones theirs\)\.$/);
    assert.equal(await page.locator("caption", { hasText: "without a currency" }).count(), 0);
    await page.check("[name=period][value='7']");
    await waitUntilLoaded(page);
    assert.match(await page.textContent("#about"), /amounts in EUR\.$/);
  }));

test("segments are those of today, whatever the period", () =>
  withOwnerPage(browser, `${collector.url}/reports?part=customers&days=7`, async (page) => {
    assert.deepEqual((await rows(page, "segments")).map((row) => row.slice(0, 2)), [["New", "6"], ["Lost", "1"]]);
    assert.match(await page.textContent("#segments .note"), /^As of today/);
  }));

test("segments without an order in the chosen currency have a dash for revenue and average", () =>
  withOwnerPage(browser, `${collector.url}/reports?part=customers&days=7&currency=GBP`, async (page) => {
    assert.deepEqual(await rows(page, "segments"), [["New", "6", "£20.00", "£10.00"], ["Lost", "1", "–", "–"]]);
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#segments .csv")]);
    const lines = (await readFile(await download.path(), "utf8")).trim().split("\r\n");
    assert.deepEqual(lines.slice(1), ["New,6,20,10", "Lost,1,,"]);
  }));

test("a duration is rounded to seconds before its minutes are counted", () =>
  withOwnerPage(browser, `${collector.url}/reports?days=7`, async (page) => {
    const durations = await page.evaluate(async () => {
      const { formatDuration } = await import("/reports/format.js");
      return [119.5, 119.4, 59.9, 0].map(formatDuration);
    });
    assert.deepEqual(durations, ["2:00", "1:59", "1:00", "0:00"]);
  }));

test("an amount has the decimal places of its currency, and none if it is large", () =>
  withOwnerPage(browser, `${collector.url}/reports?days=7`, async (page) => {
    const amounts = await page.evaluate(async () => {
      const { formatMoney } = await import("/reports/format.js");
      return [[48, "JPY"], [48, "EUR"], [48.5, "KWD"], [48.5, ""], [48.5, undefined], [4_800, "EUR"], [null, "EUR"]].map(([amount, currency]) => formatMoney(amount, currency).replace("\u00a0", " "));
    });
    assert.deepEqual(amounts, ["JP¥48", "€48.00", "KWD 48.500", "48.50", "48.50", "€4,800", "–"]);
  }));
