// A cookie of the same name with a path of its own, which the browser has from before.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ENGINES } from "../support/engines.mjs";
import { createFixture, PARALLEL, scriptTag } from "../support/fixture.mjs";

const OLD_ID = "a".repeat(42);
const identify = async (email) => (window.metrilo.identify(email), await window.tillroll.flush());

for (const [name, engine] of Object.entries(ENGINES)) {
  describe(`${name}, with another cookie of the name`, PARALLEL, () => {
    const withPage = createFixture({ engine });

    test("a cookie of the same name with a path of its own does not stand before ours", () =>
      withPage(
        (collector) => {
          const page = scriptTag(collector);
          return { "/shop/first": () => ({ body: page, headers: { "set-cookie": `cbuid=${OLD_ID}; Path=/shop` } }), "/shop/again": page };
        },
        async ({ page, open, allEvents }) => {
          await open("/shop/first");
          await page.evaluate(identify, "first@x.com");
          await open("/shop/again");
          await page.evaluate(identify, "first@x.com");
          await page.evaluate(() => window.tillroll.reset());
          await open("/shop/again");
          await page.evaluate(() => window.metrilo.viewProduct("of a guest"));
          const events = await allEvents();
          assert.equal(events.filter(({ type }) => type === "identify").length, 1);
          const guest = events.find(({ params }) => params.product_id === "of a guest");
          assert.equal(guest.email, null);
          assert.notEqual(guest.visitor_id, OLD_ID);
          await page.evaluate(() => window.tillroll.consent("denied"));
          await page.waitForFunction(() => !document.cookie.includes("cbuid"));
        },
      ));
  });
}
