// The tables of visits with more campaigns than a query returns, and with orders of another currency.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { launch } from "../support/browser.mjs";
import { Collector, TOKEN } from "../support/collector.mjs";
import { rows, withOwnerPage } from "./reports-page.mjs";

/** A query returns at most 100 labels. */
const OTHER_CAMPAIGNS = 120;

let events = 0;
const event = (type, visit, minutesAgo, params, path = "/") => {
  events += 1;
  const id = `01890a5d-0000-7000-8000-${events.toString(16).padStart(12, "0")}`;
  return { id, type, api: "metrilo", time: Date.now() - minutesAgo * 60_000, visitorId: visit, sessionId: visit, params, page: { url: `https://shop.example${path}`, referrer: "", title: "T" } };
};
const land = (visit, campaign) => event("land", visit, 60, { current_url: `https://shop.example/?utm_campaign=${campaign}`, source_url: "" }, `/?utm_campaign=${campaign}`);
const identify = (visit) => event("identify", visit, 55, { email: `${visit}@x.com` });
const order = (visit, id, currency, total = 10) => event("order", visit, 50, { order_id: id, total, currency });

/** One campaign with three visits and one order in dollars; and many with one visit and two orders, of which those of `c1` have the lowest amounts. */
const EVENTS = () => [
  ...["a", "b", "c"].map((visit) => land(`big-${visit}`, "big")), identify("big-a"), order("big-a", "big", "USD"),
  ...Array.from({ length: OTHER_CAMPAIGNS }, (_, at) => {
    const orders = ["1", "2"].map((id) => order(`v${at}`, `${at}-${id}`, "EUR", at === 1 ? 5 : 10));
    return [land(`v${at}`, `c${at}`), identify(`v${at}`), ...orders];
  }).flat(),
];

let browser;
let collector;
before(async () => {
  browser = await launch();
  collector = await Collector.start();
  const list = EVENTS();
  const answer = await (await fetch(`${collector.url}/v2/batch`, { method: "POST", body: JSON.stringify({ token: TOKEN, sentAt: Date.now(), events: list }) })).json();
  assert.deepEqual(answer, { accepted: list.length, duplicates: 0, rejected: [] });
  assert.equal(await collector.countFresh("visits", "visit.id"), OTHER_CAMPAIGNS + 3);
});
after(async () => {
  await browser?.close();
  await collector?.close();
});

test("the campaign with the most visits has its orders, and no revenue in a currency that it has none of", () =>
  withOwnerPage(browser, `${collector.url}/reports?part=traffic&days=7&currency=EUR`, async (page) => {
    const found = await rows(page, "campaigns");
    assert.deepEqual(found[0], ["big", "3", "1", "–", "–", "33.3%"]);
    assert.deepEqual(found[1].slice(1), ["1", "2", "€20.00", "€20.00", "200%"]);
    assert.equal(found.at(-1)[0], "Others or unknown");
    const sum = (at) => found.reduce((sum, row) => sum + Number(row[at]), 0);
    assert.deepEqual([sum(1), sum(2)], [OTHER_CAMPAIGNS + 3, 2 * OTHER_CAMPAIGNS + 1]);
    const bars = await page.$$eval("#campaigns tbody tr", (all) => all.map((row) => row.querySelectorAll(".bar").length));
    assert.deepEqual([bars[0], bars.at(-1)], [1, 0]);
  }));

test("orders by campaign show a hundred campaigns and a row for all others, in the file too", () =>
  withOwnerPage(browser, `${collector.url}/reports?part=traffic&days=7&currency=EUR`, async (page) => {
    for (const touch of ["last", "first"]) {
      const found = await rows(page, `${touch}-campaigns${touch === "first" ? "-of-orders" : ""}`);
      assert.deepEqual([found.length, found.at(-1)], [101, ["Others or unknown", "41", "€400.00"]], touch);
    }
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#last-campaigns .csv")]);
    const lines = (await readFile(await download.path(), "utf8")).trim().split("\r\n");
    assert.deepEqual([lines.length, lines.at(-1)], [102, "Others or unknown,41,400"]);
  }));

test("campaigns that brought customers have no revenue in a currency that they have none of, and theirs if a hundred others have more", () =>
  withOwnerPage(browser, `${collector.url}/reports?part=customers&days=7&currency=EUR`, async (page) => {
    const found = await rows(page, "first-campaigns");
    assert.deepEqual([found.length, found.at(-1).slice(0, 2)], [101, ["Others or unknown", "21"]]);
    const row = (campaign) => found.find(([name]) => name === campaign);
    assert.deepEqual([row("big"), row("c0"), row("c1")], [["big", "1", "0", "0%", "–"], ["c0", "1", "1", "100%", "€20.00"], ["c1", "1", "1", "100%", "€10.00"]]);
  }));
