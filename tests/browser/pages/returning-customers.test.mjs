// The reports of the last month: which campaign brought customers, and what they came back for. The months are those of the shop's zone.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, openPage } from "../support/browser.mjs";
import { Collector } from "../support/collector.mjs";
import { ENGINES } from "../support/engines.mjs";
import { OWNER, overflow, PHONE, rows, tiles, waitUntilLoaded, withOwnerPage } from "./reports-page.mjs";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** The zone is nine hours before UTC, in summer and winter. */
const ZONE = "Asia/Tokyo";
const OFFSET_MS = 9 * 60 * MINUTE_MS;

const local = new Date(Date.now() + OFFSET_MS);
const startOfMonth = (months) => Date.UTC(local.getUTCFullYear(), local.getUTCMonth() + months) - OFFSET_MS;
const START_MS = startOfMonth(-1);
const isoTime = (millis) => new Date(millis).toISOString();

const order = (id, email, time, products) => ({
  id, number: id, status: "approved", placed_at: isoTime(time), created_at: isoTime(time), current_date: isoTime(time), updated_at: isoTime(time),
  total_amount_with_taxes: 10 * products.length, currency_code: "EUR", market: { id: "m", name: "Shop" }, customer: { email },
  line_items: products.map((name) => ({ code: name, name, item_type: "skus", quantity: 1, total_amount: 10 })),
});

const ORDERS = [
  // In UTC, these two are on the same day of the month before.
  order("d0", "d@x.com", START_MS - 10 * MINUTE_MS, ["Hat"]),
  order("a1", "a@x.com", START_MS + 40 * MINUTE_MS, ["Hat"]),
  order("b1", "b@x.com", START_MS + 5 * DAY_MS, ["Hat"]),
  order("c1", "c@x.com", START_MS + 6 * DAY_MS, ["Scarf"]),
  order("d1", "d@x.com", START_MS + 7 * DAY_MS, ["Coat"]),
  order("a2", "a@x.com", START_MS + 20 * DAY_MS, ["Socks", "Hat"]),
  order("c2", "c@x.com", START_MS + 21 * DAY_MS, ["Scarf"]),
];

let events = 0;
/** The first visit of a person, by a link. */
const visit = (email, time, link, device, country) =>
  [["land", { current_url: `https://shop.example${link}`, source_url: "" }], ["page_view", { url: "https://shop.example/" }], ["identify", { email }]].map(([type, params], at) => {
    events += 1;
    return {
      id: `01890a5d-0000-7000-8000-${events.toString(16).padStart(12, "0")}`, type, api: "tillroll", time: time + at * 1_000, visitor_id: `visitor of ${email}`,
      session_id: `session of ${email}`, page: { url: `https://shop.example${link}`, referrer: "", title: "" }, params, device, country,
    };
  });
const IPHONE = { type: "mobile", browser: "safari", system: "ios" };
const LAPTOP = { type: "desktop", browser: "firefox", system: "linux" };
const EVENTS = [
  ...visit("a@x.com", START_MS + 30 * MINUTE_MS, "/?utm_source=newsletter&utm_medium=email&utm_campaign=spring", IPHONE, "JP"),
  ...visit("b@x.com", START_MS + 5 * DAY_MS - MINUTE_MS, "/?utm_source=newsletter&utm_medium=email&utm_campaign=spring", IPHONE, "JP"),
  ...visit("c@x.com", START_MS + 6 * DAY_MS - MINUTE_MS, "/?utm_source=instagram&utm_medium=cpc&utm_campaign=sale", LAPTOP, "KR"),
];

let browser;
let collector;
before(async () => {
  browser = await launch();
  // With --demo, browsers on this machine need no secret: not every driver can send it.
  collector = await Collector.start(["--demo", "--time-zone", ZONE]);
  const headers = collector.ownerHeaders();
  for (const [resource, records] of [["events", EVENTS], ["orders", ORDERS]]) {
    const body = records.map((record) => JSON.stringify(record)).join("\n");
    const answer = await (await fetch(`${collector.url}/import/${resource}`, { method: "POST", headers, body })).json();
    assert.deepEqual([answer.accepted, answer.rejected], [records.length, []]);
  }
  await collector.countFresh("orders", "order.id");
});
after(async () => {
  await browser?.close();
  await collector?.close();
});

const withPart = (part, act, { query = "&days=last-month", options = OWNER } = {}) => withOwnerPage(browser, `${collector.url}/reports?part=${part}${query}`, act, options);

const param = (page, name) => new URL(page.url()).searchParams.get(name);

test("customers of the last month show the campaigns that brought them, what they bought first, and what they came back for", () =>
  withPart("customers", async (page) => {
    assert.deepEqual(await rows(page, "first-campaigns"), [["spring", "2", "1", "50%", "€40.00"], ["sale", "1", "1", "100%", "€20.00"]]);
    assert.deepEqual(await rows(page, "first-products"), [["Hat", "2", "1", "50%"], ["Scarf", "1", "1", "100%"]]);
    assert.deepEqual(await rows(page, "later-products"), [["Hat", "1", "1", "€10.00"], ["Scarf", "1", "1", "€10.00"], ["Socks", "1", "1", "€10.00"]]);
    assert.equal((await tiles(page))["New customers"], "3");
  }));

test("the link of a campaign filters all parts, and the filter stands in the address", () =>
  withPart("customers", async (page) => {
    await page.click("#first-campaigns a:has-text('spring')");
    await page.waitForURL(/campaign=spring/);
    await waitUntilLoaded(page);
    assert.deepEqual(await rows(page, "later-products"), [["Hat", "1", "1", "€10.00"], ["Socks", "1", "1", "€10.00"]]);
    assert.equal(await page.inputValue("[name=campaign]"), "spring");
    assert.match(await page.textContent("#about"), /campaign spring/);
    await page.click("#parts a:has-text('Overview')");
    await page.waitForURL(/part=overview/);
    await waitUntilLoaded(page);
    assert.deepEqual([param(page, "campaign"), param(page, "days"), (await tiles(page)).Orders], ["spring", "last-month", "3"]);
    assert.equal(await page.textContent("#abandoned .unused"), "Not filtered by campaign.");
    assert.match(await page.textContent("#summary .note"), /Abandoned carts: not filtered by campaign\./);
    await page.selectOption("[name=campaign]", "");
    await waitUntilLoaded(page);
    await page.selectOption("[name=source]", "instagram");
    await waitUntilLoaded(page);
    assert.deepEqual([param(page, "campaign"), param(page, "source"), (await tiles(page)).Orders], [null, "instagram", "2"]);
  }));

test("last month and last week are whole ones of the shop's zone, and compare with the ones before", () =>
  withPart("overview", async (page) => {
    assert.equal(await page.textContent("#zone"), ZONE);
    assert.equal((await tiles(page)).Orders, "6");
    const days = (startOfMonth(0) - START_MS) / DAY_MS;
    const orders = await rows(page, "orders");
    assert.deepEqual([orders.length, orders[0][1]], [days, "1"]);
    // The order before the month is that of the month before.
    assert.match(await page.locator("#summary .change").nth(1).getAttribute("title"), /^1 from /);
    await page.check("[name=period][value=last-week]");
    await waitUntilLoaded(page);
    assert.equal(param(page, "days"), "last-week");
    const [from, to] = await Promise.all(["from", "to"].map(async (name) => Date.parse(await page.inputValue(`[name=${name}]`))));
    assert.deepEqual([new Date(from).getUTCDay(), (to - from) / DAY_MS], [1, 6]);
    const today = Math.floor((Date.now() + OFFSET_MS) / DAY_MS) * DAY_MS;
    assert.ok(to < today && today - to <= 7 * DAY_MS);
  }));

test("devices, systems and countries of imported events are shown, and an unknown campaign of a link stays chosen", () =>
  withPart("traffic", async (page) => {
    const visits = async (id) => (await rows(page, id)).map((row) => row.slice(0, 2));
    assert.deepEqual(await visits("devices"), [["mobile", "2"], ["desktop", "1"]]);
    assert.deepEqual(await visits("systems"), [["ios", "2"], ["linux", "1"]]);
    assert.deepEqual(await visits("countries"), [["Japan", "2"], ["South Korea", "1"]]);
    await page.goto(`${collector.url}/reports?part=traffic&days=last-month&campaign=of+the+past`);
    await waitUntilLoaded(page);
    assert.equal(await page.inputValue("[name=campaign]"), "of the past");
    assert.match(await page.textContent("#campaigns .nothing"), /Choose other filters/);
  }));

test("on a phone the filters are folded, and the fold names the chosen ones", () =>
  withPart("customers", async (page) => {
    assert.equal(await page.isVisible("[name=campaign]"), false);
    assert.equal(await page.innerText("#chosen"), "Last month, campaign spring");
    assert.equal(await overflow(page), 0);
    await page.tap("#fold summary");
    await page.selectOption("[name=campaign]", "sale");
    await waitUntilLoaded(page);
    assert.equal(await page.innerText("#chosen"), "Last month, campaign sale");
    assert.equal(await overflow(page), 0);
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.check("[name=period][value='30']");
    await page.setViewportSize({ width: 375, height: 740 });
    await page.waitForSelector("[name=campaign]", { state: "hidden" });
    assert.equal(await page.innerText("#chosen"), "30 days, campaign sale");
  }, { options: PHONE, query: "&days=last-month&campaign=spring" }));

/** Runs in the page: the texts of the rows of a table, once the part is loaded. */
const rowsOnceLoaded = (id) =>
  document.querySelector("#widgets[aria-busy=false]") && [...document.querySelectorAll(`#${id} .scroller tbody tr`)].map((row) => [...row.children].slice(0, 2).map((cell) => cell.innerText.trim()));

for (const [name, launchEngine] of Object.entries(ENGINES)) {
  test(`${name} shows the part of the last month, and follows the link of a campaign`, async () => {
    const engine = await launchEngine();
    try {
      const page = await openPage(engine);
      await page.goto(`${collector.url}/reports?part=customers&days=last-month`);
      await page.waitForFunction(rowsOnceLoaded, "later-products");
      assert.deepEqual(await page.evaluate(rowsOnceLoaded, "later-products"), [["Hat", "1"], ["Scarf", "1"], ["Socks", "1"]]);
      await page.click("#first-campaigns tbody tr:first-child a");
      await page.waitForURL(/campaign=spring/);
      await page.waitForFunction(rowsOnceLoaded, "later-products");
      assert.deepEqual(await page.evaluate(rowsOnceLoaded, "later-products"), [["Hat", "1"], ["Socks", "1"]]);
    } finally {
      await engine.close();
    }
  });
}
