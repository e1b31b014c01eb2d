// A collector under the shop's own domain renews the visitor's cookie when it gives out the script, so that browsers which soon forget what a script has
// written do not forget the visitor. A real browser takes it: the cookie lives on, with the content that it had.

import assert from "node:assert/strict";
import { test } from "node:test";

import { scriptTag, stage } from "../support/fixture.mjs";

const play = stage({
  browserFlags: ["--host-resolver-rules=MAP *.shop.test 127.0.0.1", "--disable-features=LocalNetworkAccessChecks"],
});

const DAY = 24 * 60 * 60;
const near = (collector) => collector.replace("127.0.0.1", "t.shop.test");
const cookie = async (page) => (await page.context().cookies()).find(({ name }) => name === "cbuid");

test("the collector's answer renews a cookie that was about to end", () =>
  play(
    (collector) => ({ "/": scriptTag(near(collector)), "/later": scriptTag(near(collector)).replace("?", "?later&") }),
    async ({ page, open, told }) => {
      await open();
      await page.evaluate(() => window.tillroll.ready);
      await told();
      const { value } = await cookie(page);
      await page.context().addCookies([{ name: "cbuid", value, domain: ".shop.test", path: "/", sameSite: "Lax", expires: Date.now() / 1000 + DAY }]);
      assert.ok((await cookie(page)).expires < Date.now() / 1000 + 2 * DAY);
      // Ten minutes later the script is asked for again; an address of its own stands for them.
      await open("/later");
      const renewed = await cookie(page);
      assert.equal(renewed.value, value);
      assert.ok(renewed.expires > Date.now() / 1000 + 300 * DAY, `${(renewed.expires - Date.now() / 1000) / DAY} days`);
    },
    { host: "www.shop.test" },
  ));
