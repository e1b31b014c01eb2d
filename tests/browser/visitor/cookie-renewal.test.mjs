// A collector under the shop's domain renews the visitor cookie when it serves the script, because some browsers soon delete cookies that a
// script has set. The browser must accept the renewed cookie, with unchanged content.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createFixture, scriptTag } from "../support/fixture.mjs";

const withPage = createFixture({
  browserFlags: ["--host-resolver-rules=MAP *.shop.test 127.0.0.1", "--disable-features=LocalNetworkAccessChecks"],
});

const DAY_SECS = 24 * 60 * 60;
const underShopDomain = (collector) => collector.replace("127.0.0.1", "t.shop.test");
const visitorCookie = async (page) => (await page.context().cookies()).find(({ name }) => name === "cbuid");

test("the script's response renews a cookie that is about to expire", () =>
  withPage(
    (collector) => ({ "/": scriptTag(underShopDomain(collector)), "/later": scriptTag(underShopDomain(collector)).replace("?", "?later&") }),
    async ({ page, open, allEvents }) => {
      await open();
      await page.evaluate(() => window.tillroll.ready);
      await allEvents();
      const { value } = await visitorCookie(page);
      await page.context().addCookies([{ name: "cbuid", value, domain: ".shop.test", path: "/", sameSite: "Lax", expires: Date.now() / 1000 + DAY_SECS }]);
      assert.ok((await visitorCookie(page)).expires < Date.now() / 1000 + 2 * DAY_SECS);
      // The browser requests the script again after ten minutes; a different URL has the same effect.
      await open("/later");
      const renewed = await visitorCookie(page);
      assert.equal(renewed.value, value);
      assert.ok(renewed.expires > Date.now() / 1000 + 300 * DAY_SECS, `${(renewed.expires - Date.now() / 1000) / DAY_SECS} days`);
    },
    { host: "www.shop.test" },
  ));
