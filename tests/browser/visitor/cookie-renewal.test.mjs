// A collector under the shop's domain sets the visitor cookie again, because some browsers soon delete cookies that a script has set. A late
// response must not bring the visitor back that a denial, a reset or another tab has replaced meanwhile.

import assert from "node:assert/strict";
import { test } from "node:test";

import { delayedResponse } from "../support/faulty-proxy.mjs";
import { createFixture, scriptTag } from "../support/fixture.mjs";

const withPage = createFixture({
  browserFlags: ["--host-resolver-rules=MAP *.shop.test 127.0.0.1", "--disable-features=LocalNetworkAccessChecks"],
});

const HOST = { host: "www.shop.test", useProxy: true };
const RENEWAL = "/v2/cookie";
const underShopDomain = (collector) => collector.replace("127.0.0.1", "t.shop.test");
const pages = (attributes) => (collector) => ({ "/": scriptTag(underShopDomain(collector), attributes), "/other": scriptTag(underShopDomain(collector), attributes) });
const visitorCookies = async (page) => (await page.context().cookies()).filter(({ name }) => name === "cbuid");
const isRenewal = (message) => message.url().includes(RENEWAL);

test("the collector sets the cookie that the page has written, for the same domain", async (t) => {
  for (const attributes of ["", 'data-cookie-domain="shop.test"']) {
    await t.test(attributes || "the widest domain", () =>
      withPage(
        pages(attributes),
        async ({ page, open, allEvents }) => {
          const renewed = page.waitForEvent("response", isRenewal);
          await open();
          const header = (await (await renewed).allHeaders())["set-cookie"];
          await allEvents();
          const [cookie, ...others] = await visitorCookies(page);
          assert.deepEqual(others, []);
          assert.equal(header, `cbuid=${cookie.value};Path=/;Max-Age=34560000;SameSite=Lax;Domain=shop.test`);
        },
        HOST,
      ),
    );
  }
});

test("a visit writes the cookie again, and no other response sets it", () =>
  withPage(
    pages(""),
    async ({ page, url, open, allEvents, collector }) => {
      const cookies = [];
      page.on("response", async (response) => isRenewal(response) || cookies.push((await response.allHeaders())["set-cookie"]));
      await page.context().addCookies([{ name: "cbuid", value: "5f2", domain: ".shop.test", path: "/", sameSite: "Lax", expires: Date.now() / 1000 + 86_400 }]);
      await open();
      await allEvents();
      const [{ value, expires }] = await visitorCookies(page);
      assert.equal(value, "5f2");
      assert.ok(expires > Date.now() / 1000 + 300 * 86_400, `${(expires - Date.now() / 1000) / 86_400} days`);
      assert.deepEqual(cookies.filter(Boolean), []);
      const script = await fetch(`${collector.url}/tracking.js?token=x`, { headers: { cookie: "cbuid=5f2", referer: url } });
      assert.deepEqual([script.headers.get("set-cookie"), script.headers.get("cache-control")], [null, "public, max-age=600"]);
    },
    HOST,
  ));

test("a collector at a path of the shop is asked, and gets the events, whatever base the page has", () =>
  withPage(
    (collector) => ({ "/": `<base href="http://cdn.shop.test:9/x/">${scriptTag(collector, 'data-collector="/t/"')}` }),
    async ({ page, url, open }) => {
      const [events, renewal] = ["/t/v2/calls", "/t/v2/cookie?domain="].map((path) => page.waitForRequest(url + path));
      await open();
      await Promise.all([events, renewal]);
    },
    { host: "www.shop.test", allowedErrors: /Failed to load resource/ },
  ));

test("a collector of another site is not asked", () =>
  withPage(
    (collector) => ({ "/": scriptTag(collector) }),
    async ({ page, open, allEvents }) => {
      const requests = [];
      page.on("request", (request) => isRenewal(request) && requests.push(request.url()));
      await open();
      await page.evaluate(() => window.metrilo.identify("a@x.com"));
      await allEvents();
      assert.deepEqual(requests, []);
    },
    { host: "www.shop.test" },
  ));

const CHANGES = {
  "a denial": [() => window.tillroll.consent("denied"), []],
  "a reset": [() => window.tillroll.reset(), undefined],
  "another identity": [() => window.metrilo.identify("b@x.com"), ["b@x.com"]],
};

for (const [title, [change, expected]] of Object.entries(CHANGES)) {
  for (const where of ["this tab", "another tab"]) {
    test(`a late response does not undo ${title} in ${where}`, () =>
      withPage(
        pages(""),
        async ({ page, url, proxy, open, allEvents }) => {
          await open();
          await allEvents();
          const other = await page.context().newPage();
          await other.goto(`${url}/other`);
          await other.evaluate(() => window.tillroll.ready);
          proxy.renewalFault = delayedResponse(1_000);
          const requested = page.waitForEvent("request", isRenewal);
          const received = proxy.nextRenewal();
          await page.evaluate(() => window.metrilo.identify("a@x.com"));
          const request = await requested;
          await received;
          const ended = Promise.race([page.waitForEvent("requestfailed", (ended) => ended === request), page.waitForEvent("requestfinished", (ended) => ended === request)]);
          await (where === "this tab" ? page : other).evaluate(change);
          await ended;
          const values = (await visitorCookies(page)).map(({ value }) => value);
          if (expected) assert.deepEqual(values, expected);
          else assert.match(values.join(), /^[0-9a-f]{42}$/);
        },
        { ...HOST, allowedErrors: /Failed to load resource/ },
      ));
  }
}
