// The quickstart journey: an anonymous visitor becomes known at the checkout, over real page loads, in the demo shop that ships, in every
// engine.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { visit } from "../support/browser.mjs";
import { Collector, TOKEN } from "../support/collector.mjs";
import { ENGINES } from "../support/engines.mjs";
import { openDemoShop } from "../support/shop-server.mjs";

const EMAIL = "johnybravo@gmail.com";
const STEPS = ["land", "page_view", "category_view", "product_view", "basket_add", "checkout", "identify"];

/** Opens the shop and goes to a category, no faster than the core comes: who leaves before that is another test's. */
const enter = async (page, shop) => {
  await page.goto(shop);
  await page.evaluate(() => window.tillroll.ready);
  await page.click('a[href^="category.html?id=1"]');
  await page.waitForURL(/category\.html/);
  await page.evaluate(() => window.tillroll.ready);
};

const walk = async (page, shop) => {
  await enter(page, shop);
  await page.click('a[href="product.html?id=2"]');
  await page.waitForURL(/product\.html/);
  await page.evaluate(() => window.tillroll.ready);
  await page.click("#add-to-cart");
  await page.click("#notice-checkout");
  await page.fill("#email", EMAIL);
  await page.press("#email", "Tab");
};

const assertJourney = (events) => {
  assert.deepEqual(events.map((event) => event.type), STEPS);
  assert.deepEqual(events.map((event) => event.email), STEPS.map(() => EMAIL));
  assert.equal(new Set(events.map((event) => event.visitor_id)).size, 1);
  assert.equal(new Set(events.map((event) => event.session_id)).size, 1);
  assert.equal(events[1].params.name, "Awesome homepage");
  assert.deepEqual(events[4].params, { product_id: "2", quantity: 1 });
};

for (const [name, launch] of Object.entries(ENGINES)) describe(name, () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  test("an anonymous journey belongs to the customer once they are known", async () => {
    // WebKit's driver runs what a test asks for as text in the page, which the policy of the collector's own pages refuses.
    const apart = name === "webkit";
    const collector = await Collector.start(apart ? [] : ["--demo"]);
    const shop = apart ? await openDemoShop(collector.url, TOKEN) : { url: collector.url, close: () => {} };
    try {
      const page = await visit(browser);
      await walk(page, shop.url);
      assertJourney(await collector.until((events) => events.length >= STEPS.length));
      const cookies = await page.evaluate(() => document.cookie);
      assert.equal(decodeURIComponent(/(?:^|; )cbuid=([^;]*)/.exec(cookies)[1]), EMAIL);
      assert.deepEqual(page.complaints, []);
      await page.context().close();
      assert.equal((await collector.events()).length, STEPS.length);
    } finally {
      await shop.close();
      await collector.close();
    }
  });

  test("the collector may be away in the middle of it", async () => {
    const collector = await Collector.start();
    const shop = await openDemoShop(collector.url, TOKEN);
    try {
      const page = await visit(browser);
      await page.goto(shop.url);
      await page.click('a[href^="category.html?id=1"]');
      await page.waitForURL(/category/);
      await collector.stop();
      await page.click('a[href="product.html?id=2"]');
      await page.click("#add-to-cart");
      // Where the core is not in the browser's cache, pages that load meanwhile leave their calls to the next one.
      await collector.resume();
      await page.click("#notice-checkout");
      await page.waitForURL(/checkout/);
      await page.fill("#email", EMAIL);
      await page.press("#email", "Tab");
      const events = await collector.until((events) => events.length >= STEPS.length);
      // What a page says while it is left before its core came may overtake what earlier pages kept; the times are those of the calls.
      assertJourney(events.toSorted((one, other) => one.time - other.time));
      await page.context().close();
      assert.equal((await collector.events()).length, STEPS.length);
    } finally {
      await shop.close();
      await collector.close();
    }
  });
});
