// The quick-start journey through the demo shop, in every engine: an anonymous visitor views pages, fills the cart and is identified at the
// checkout.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { openPage } from "../support/browser.mjs";
import { Collector, TOKEN } from "../support/collector.mjs";
import { ENGINES } from "../support/engines.mjs";
import { startDemoShop } from "../support/shop-server.mjs";

const EMAIL = "johnybravo@gmail.com";
const STEPS = ["land", "page_view", "category_view", "product_view", "basket_add", "checkout", "identify"];

/** Opens the shop and a category, each after the core has loaded. Other tests leave pages before that. */
const openCategory = async (page, shop) => {
  await page.goto(shop);
  await page.evaluate(() => window.tillroll.ready);
  await page.click('a[href^="category.html?id=1"]');
  await page.waitForURL(/category\.html/);
  await page.evaluate(() => window.tillroll.ready);
};

const walkToCheckout = async (page, shop) => {
  await openCategory(page, shop);
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

  test("all events of an anonymous journey have the customer's e-mail after identification", async () => {
    // WebKit's driver evaluates scripts as text, which the Content-Security-Policy of the collector's pages blocks.
    const hasOwnServer = name === "webkit";
    const collector = await Collector.start(hasOwnServer ? [] : ["--demo"]);
    const shop = hasOwnServer ? await startDemoShop(collector.url, TOKEN) : { url: collector.url, close: () => {} };
    try {
      const page = await openPage(browser);
      await walkToCheckout(page, shop.url);
      assertJourney(await collector.waitForEvents((events) => events.length >= STEPS.length));
      const cookies = await page.evaluate(() => document.cookie);
      assert.equal(decodeURIComponent(/(?:^|; )cbuid=([^;]*)/.exec(cookies)[1]), EMAIL);
      assert.deepEqual(page.errors, []);
      await page.context().close();
      assert.equal((await collector.events()).length, STEPS.length);
    } finally {
      await shop.close();
      await collector.close();
    }
  });

  test("the order of the journey is one order of the customer, also if its page is loaded again", async () => {
    const collector = await Collector.start();
    const shop = await startDemoShop(collector.url, TOKEN);
    try {
      const page = await openPage(browser);
      await walkToCheckout(page, shop.url);
      await page.click("#place-order");
      await page.waitForURL(/thank-you/);
      await collector.waitForEvents((events) => events.some(({ type }) => type === "order"));
      await page.goto(`${shop.url}/thank-you.html`);
      await page.evaluate(() => window.tillroll.flush());
      const orders = (await collector.events()).filter(({ type }) => type === "order");
      assert.equal(orders.length, 1);
      const [{ email, params }] = orders;
      assert.deepEqual([email, params.currency, params.lines.map(({ product_id }) => product_id)], [EMAIL, "EUR", ["2"]]);
      assert.equal(params.total, params.lines[0].price);
    } finally {
      await shop.close();
      await collector.close();
    }
  });

  test("a collector that restarts during the journey loses no event", async () => {
    const collector = await Collector.start();
    const shop = await startDemoShop(collector.url, TOKEN);
    try {
      const page = await openPage(browser);
      await page.goto(shop.url);
      await page.click('a[href^="category.html?id=1"]');
      await page.waitForURL(/category/);
      await collector.stop();
      await page.click('a[href="product.html?id=2"]');
      await page.click("#add-to-cart");
      // If the core is not in the browser's cache, pages that load meanwhile leave their calls to the next page.
      await collector.resume();
      await page.click("#notice-checkout");
      await page.waitForURL(/checkout/);
      await page.fill("#email", EMAIL);
      await page.press("#email", "Tab");
      const events = await collector.waitForEvents((events) => events.length >= STEPS.length);
      // The beacon of a page that is left before its core has loaded may overtake stored events of earlier pages. Event times keep the order.
      assertJourney(events.toSorted((a, b) => a.time - b.time));
      await page.context().close();
      assert.equal((await collector.events()).length, STEPS.length);
    } finally {
      await shop.close();
      await collector.close();
    }
  });
});
