// The pages of a shop in another time zone than the browser, and of one whose rules the browser has in an older version.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch } from "../support/browser.mjs";
import { Collector } from "../support/collector.mjs";
import { OWNER, rows, withOwnerPage } from "./reports-page.mjs";

/** In Santiago the evening of September 30, in Tokyo the morning of October 1. */
const TIME = "2026-10-01T01:00:00Z";
const ORDER = {
  id: "1", number: "1", status: "approved", placed_at: TIME, created_at: TIME, current_date: TIME, updated_at: TIME, total_amount_with_taxes: 10, currency_code: "EUR",
  customer: { email: "late@x.com" },
};

let browser;
let collector;
before(async () => {
  browser = await launch();
  collector = await Collector.start(["--time-zone", "America/Santiago"]);
  const answer = await fetch(`${collector.url}/import/orders`, { method: "POST", headers: collector.ownerHeaders(), body: JSON.stringify(ORDER) });
  assert.equal((await answer.json()).accepted, 1);
  await collector.countFresh("orders", "order.id");
});
after(async () => {
  await browser?.close();
  await collector?.close();
});

const withPage = (path, act) => withOwnerPage(browser, collector.url + path, act, { ...OWNER, timezoneId: "Asia/Tokyo" });

test("all dates are those of the shop, not of the browser", async () => {
  await withPage("/reports?part=customers&from=2026-09-30&to=2026-09-30", async (page) =>
    assert.deepEqual(await rows(page, "best-customers"), [["late@x.com", "1", "€10.00", "30 Sept 2026"]]));
  await withPage("/customers?text=late", async (page) => assert.equal(await page.textContent("#rows [data-title='Last order']"), "30 Sept 2026"));
  await withPage("/customers/late@x.com", async (page) => {
    await page.waitForSelector("#timeline .order");
    assert.deepEqual([await page.textContent("#timeline h3"), await page.textContent("#timeline time")], ["Wed, 30 September 2026", "22:00"]);
    assert.equal(await page.textContent("#orders tbody th"), "30 Sept 2026");
  });
});

test("days that begin earlier than by the rules of the browser keep their numbers", () =>
  withPage("/reports?days=7", async (page) => {
    // By the browser, these days begin at 03:00.
    const data = [{ date: "2026-11-01T02:00:00Z", value: 10 }, { date: "2026-11-02T02:00:00Z", value: 20 }];
    await page.route("**/metrics/orders/date_breakdown", (route) => route.fulfill({ json: { data } }));
    const series = await page.evaluate(async () => {
      const [{ timeSeries }, { parseDay }] = await Promise.all([import("/reports/queries.js"), import("/reports/period.js")]);
      return timeSeries({ from: parseDay("2026-11-01"), to: parseDay("2026-11-02"), interval: "day" }, {});
    });
    assert.deepEqual(series.map(([, value]) => value), [10, 20]);
  }));
