// The figures of one customer, and how the list finds people: cancelled orders, amounts without a currency, old orders, spellings of tags.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { launch } from "../support/browser.mjs";
import { Collector } from "../support/collector.mjs";
import { OWNER, overflow, withOwnerPage } from "./reports-page.mjs";

const DAY_MS = 86_400_000;
const YEAR_DAYS = 365;
const timeOf = (days) => new Date(Date.now() - days * DAY_MS).toISOString();

const order = (id, days, email, total, more = {}) => ({
  id, number: id, status: "approved", placed_at: timeOf(days), created_at: timeOf(days), current_date: timeOf(days), updated_at: timeOf(days),
  total_amount_with_taxes: total, currency_code: "EUR", customer: { email }, ...more,
});
const person = (email, days, more = {}) => ({ email, createdAt: Date.now() - days * DAY_MS, ...more });

const ORDERS = [
  order("1", 3, "cancelled@x.com", 20, { status: "cancelled" }),
  order("2", 3, "bare@x.com", 20, { currency_code: undefined }), order("3", 3, "bare@x.com", 10.5, { currency_code: undefined }),
  order("4", 3, "bare@x.com", 99, { currency_code: undefined, status: "cancelled" }),
  order("8", 3, "mixed@x.com", 20), order("9", 3, "mixed@x.com", 5, { currency_code: undefined }),
  order("5", 6 * YEAR_DAYS, "old@x.com", 70), order("6", 3, "old@x.com", 30),
  order("7", 6 * YEAR_DAYS, "gone@x.com", 70),
  order("a-long-number-of-an-order-2026-000123", 3, "wide@x.com", 1234567.89, { status: "partially_refunded" }),
];
const PEOPLE = [
  person("ivan@x.com", 2, { firstName: "Ivan", lastName: "Petrov", tags: ["VIP"] }), person("tag@x.com", 2, { tags: ["vip"], subscribed: false }),
  person("other@x.com", 2, { tags: ["vip club"], subscribed: true }),
];

let browser;
let collector;
before(async () => {
  browser = await launch();
  collector = await Collector.start();
  for (const [list, records] of [["orders", ORDERS], ["customers", PEOPLE]]) {
    const body = records.map((record) => JSON.stringify(record)).join("\n");
    const answer = await (await fetch(`${collector.url}/import/${list}`, { method: "POST", headers: collector.ownerHeaders(), body })).json();
    assert.deepEqual([answer.accepted, answer.rejected], [records.length, []]);
  }
  await collector.countFresh("orders", "order.id");
});
after(async () => {
  await browser?.close();
  await collector?.close();
});

const withPage = (path, act, options = OWNER) => withOwnerPage(browser, collector.url + path, act, options);

/** Returns the figures of a customer by their titles, and the note below them. */
const figuresOf = async (page) => ({
  ...Object.fromEntries(await page.$$eval("#figures dl > div", (all) => all.map((tile) => [...tile.children].map((part) => part.textContent)))),
  note: await page.textContent("#figures .note"),
});
const found = (page) => page.$$eval("#rows tbody th a", (links) => links.map((link) => link.textContent).sort());

test("cancelled orders are in no amount of a customer, and amounts without a currency are shown", async () => {
  const amounts = async (email) => {
    let shown;
    await withPage(`/customers/${email}`, async (page) => (shown = await figuresOf(page)));
    return [shown.Orders, shown.Revenue, shown["Average order"]];
  };
  assert.deepEqual(await amounts("cancelled@x.com"), ["0", "–", "–"]);
  assert.deepEqual(await amounts("bare@x.com"), ["2", "30.50", "15.25"]);
  assert.deepEqual(await amounts("mixed@x.com"), ["2", "€20.00 + 5.00", "€20.00 + 5.00"]);
  assert.deepEqual(await amounts("ivan@x.com"), ["0", "–", "–"]);
  await withPage("/customers/bare@x.com", async (page) => {
    await page.waitForSelector("#orders tbody");
    const cells = await page.$$eval("#orders tbody td", (all) => all.map((cell) => cell.textContent));
    assert.deepEqual(cells.filter((text) => /^\d+\.\d+$/.test(text)).sort(), ["10.50", "20.00", "99.00"]);
  });
});

test("a customer of more than five years is shown, with a note about the older orders", async () => {
  await withPage("/customers?text=old", async (page) => assert.deepEqual(await found(page), ["old@x.com"]));
  await withPage("/customers/old@x.com", async (page) => {
    const { Orders, "First seen": firstSeen, note } = await figuresOf(page);
    assert.deepEqual([Orders, firstSeen === "–"], ["1", false]);
    assert.match(note, /^Orders before .* are not in the figures and tables, which cover the last five years\. Cancelled orders/);
  });
  await withPage("/customers/gone@x.com", async (page) => {
    const { Orders, "Last order": lastOrder, note } = await figuresOf(page);
    assert.deepEqual([Orders, lastOrder === "–"], ["0", false]);
    assert.match(note, /^Orders before /);
  });
  await withPage("/customers/wide@x.com", async (page) => assert.match((await figuresOf(page)).note, /^Cancelled orders/));
  await withPage("/customers/ivan@x.com", async (page) => assert.equal((await figuresOf(page)).note, ""));
  await withPage("/reports?part=customers&days=7", async (page) => {
    const rows = await page.$$eval("#best-customers tbody tr", (rows) => rows.map((row) => [row.children[0].textContent, row.lastElementChild.textContent]));
    assert.notEqual(rows.find(([email]) => email === "old@x.com")[1], "–");
  });
});

test("tags are found in any capitals, and separators end a word of the search", async () => {
  for (const tag of ["vip", "VIP", "Vip"]) await withPage(`/customers?tag=${tag}`, async (page) => assert.deepEqual(await found(page), ["ivan@x.com", "tag@x.com"]));
  for (const text of ["Petrov, Ivan", "<ivan@x.com>;", "ivan@x.com,"]) {
    await withPage(`/customers?text=${encodeURIComponent(text)}`, async (page) => assert.deepEqual(await found(page), ["ivan@x.com"], text));
  }
});

test("the filter of the newsletter names those who were not asked with those who are not subscribed", async () => {
  await withPage("/customers?subscribed=true", async (page) => assert.deepEqual(await found(page), ["other@x.com"]));
  await withPage("/customers?subscribed=false&tag=vip", async (page) => {
    assert.deepEqual(await found(page), ["ivan@x.com", "tag@x.com"]);
    assert.equal(await page.textContent("[name=subscribed] option:checked"), "Not subscribed or not asked");
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#csv")]);
    const lines = (await readFile(await download.path(), "utf8")).trim().split("\r\n").map((line) => line.split(","));
    const at = lines[0].indexOf("Subscribed");
    assert.deepEqual(lines.slice(1).map((line) => `${line[0]} ${line[at]}`).sort(), ["ivan@x.com ", "tag@x.com no"]);
  });
  for (const [email, state] of [["ivan@x.com", "Not asked"], ["tag@x.com", "Not subscribed"], ["other@x.com", "Subscribed"]]) {
    await withPage(`/customers/${email}`, async (page) => assert.equal((await figuresOf(page)).Newsletter, state));
  }
});

test("a filter that is not valid is named instead of a list", () =>
  withPage("/customers?revenue=-5", async (page) => {
    assert.match(await page.textContent("#about"), /^Revenue from: .*0/);
    await page.fill("[name=revenue]", "1000");
    await page.press("[name=revenue]", "Enter");
    await page.waitForSelector("#rows tbody");
    assert.deepEqual(await found(page), ["wide@x.com"]);
  }));

test("the filter and the column of the first channel have one name, and a link clears the filters", () =>
  withPage("/customers?segment=new&sort=first_seen_at", async (page) => {
    assert.match(await page.textContent("label:has([name=source])"), /^First channel/);
    assert.equal(await page.locator("#rows thead th", { hasText: "First channel" }).count(), 1);
    await page.click("text=Clear filters");
    await page.waitForURL((url) => url.search === "?sort=first_seen_at");
    await page.waitForSelector("#list[aria-busy=false]");
    assert.equal(await page.isVisible("#clear"), false);
    assert.equal(await page.inputValue("[name=sort]"), "first_seen_at");
  }));

for (const width of [390, 1024, 1280]) {
  test(`amounts and statuses of orders stay on one line each on a screen of ${width} pixels`, () =>
    withPage("/customers/wide@x.com", async (page) => {
      const lines = await page.$$eval("#orders tbody td:not(:last-child)", (cells) =>
        cells.slice(1).map((cell) => {
          const range = document.createRange();
          range.selectNodeContents(cell);
          const { right } = range.getBoundingClientRect();
          return [cell.textContent, new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size, right <= cell.parentElement.getBoundingClientRect().right];
        }));
      assert.deepEqual(lines, [["€1,234,568", 1, true], ["partially_refunded", 1, true]]);
      assert.equal(await overflow(page), 0);
    }, { ...OWNER, viewport: { width, height: 800 }, isMobile: width < 400, hasTouch: width < 400 }));
}
