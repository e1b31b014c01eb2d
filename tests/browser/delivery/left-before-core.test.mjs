// The visitor leaves a page before its core has loaded. The page sends the raw calls to the collector as a beacon, and also persists them; the
// next page derives the same events, which the collector deduplicates.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { createFixture, PARALLEL, scriptTag } from "../support/fixture.mjs";

const withPage = createFixture();

const CALLS = `<script>
  metrilo.viewProduct(7);
  metrilo.addToCart(7, 2);
  metrilo.identify("johny@x.com");
  metrilo.checkout();
</script>`;

const CALLED = [
  ["product_view", { product_id: "7" }],
  ["basket_add", { product_id: "7", quantity: 2 }],
  ["identify", { email: "johny@x.com" }],
  ["checkout", {}],
];

const pages = (more = CALLS, attributes = "") => (collector) => ({
  "/": scriptTag(collector, attributes) + more,
  "/next": scriptTag(collector) + "<script>metrilo.viewCategory(1);</script>",
  "/elsewhere": "",
});

const typesAndParams = (events) => events.map(({ type, params }) => [type, params]);
const isSame = (events, field) => new Set(events.map((event) => event[field])).size === 1;

/** Blocks files of the core; returns `release()`, which lets them through. */
const blockAssets = async (page, collector, files = "*.wasm") => {
  let release;
  const unblocked = new Promise((resolve) => (release = resolve));
  await page.route(`${collector.url}/assets/${files}`, async (route) => (await unblocked, route.fallback()));
  return release;
};

/** Runs in the page: navigates away after the first paint. */
const leaveAfterPaint = () => {
  requestAnimationFrame(() => requestAnimationFrame(() => (location.href = "/elsewhere")));
};

/** Records the bodies of the page's beacons, which Playwright does not see during navigation; returns a function that reads them. */
const recordBeacons = async (page) => {
  await page.addInitScript(() => {
    const send = navigator.sendBeacon.bind(navigator);
    navigator.sendBeacon = (url, body) => {
      sessionStorage.setItem("beacons", JSON.stringify([...JSON.parse(sessionStorage.getItem("beacons") ?? "[]"), body]));
      return send(url, body);
    };
  });
  return () => page.evaluate(() => JSON.parse(sessionStorage.getItem("beacons") ?? "[]"));
};

/** Opens the page without its core and leaves it; returns the function that unblocks the core. */
const leaveBeforeCore = async ({ page, open, collector }) => {
  const release = await blockAssets(page, collector);
  await open();
  await page.evaluate(leaveAfterPaint);
  await page.waitForURL("**/elsewhere");
  return release;
};

const landing = (url) => ["land", { current_url: `${url}/`, source_url: "" }];

describe("a page that is left before its core has loaded", PARALLEL, () => {
  test("sends its calls without another page view", () =>
    withPage(pages(), async (fixture) => {
      await leaveBeforeCore(fixture);
      const events = await fixture.waitForEvents((events) => events.length > CALLED.length);
      assert.deepEqual(typesAndParams(events), [landing(fixture.url), ...CALLED]);
      assert.ok(isSame(events, "session_id") && isSame(events, "email"));
      assert.ok(events.every(({ page }) => page.url === `${fixture.url}/`));
    }));

  test("sends no duplicates when the visitor returns", () =>
    withPage(pages(), async (fixture) => {
      const release = await leaveBeforeCore(fixture);
      const early = await fixture.waitForEvents((events) => events.length > CALLED.length);
      release();
      await fixture.open("/next");
      const events = await fixture.allEvents();
      assert.deepEqual(typesAndParams(events), [landing(fixture.url), ...CALLED, ["category_view", { id: "1" }]]);
      assert.deepEqual(events.slice(0, -1), early);
      assert.ok(isSame(events, "session_id") && isSame(events, "email"));
    }));

  test("sends the landing, even without any call", () =>
    withPage(pages(""), async (fixture) => {
      const release = await leaveBeforeCore(fixture);
      assert.deepEqual(typesAndParams(await fixture.waitForEvents((events) => events.length)), [landing(fixture.url)]);
      release();
      await fixture.open("/next");
      assert.deepEqual(typesAndParams(await fixture.allEvents()), [landing(fixture.url), ["category_view", { id: "1" }]]);
    }));

  test("uses the session and the visitor of the cookies", () =>
    withPage(pages(), async (fixture) => {
      const { page, url, open, allEvents, waitForEvents, collector } = fixture;
      await page.context().addCookies([{ name: "cbuid", value: "Ann%40x.com", url }]);
      await open("/next");
      const before = await allEvents();
      await blockAssets(page, collector);
      await open();
      await page.evaluate(leaveAfterPaint);
      const events = await waitForEvents((events) => events.filter(({ type }) => type !== "custom").length >= before.length + CALLED.length);
      assert.ok(isSame(events, "session_id"));
      assert.deepEqual(events.filter(({ type }) => type === "land").length, 1);
      const view = events.find(({ type }) => type === "product_view");
      assert.equal(view.email, "ann@x.com");
    }));

  test("keeps a reset, on this page and on the next one", () => {
    const calls = "<script>metrilo.viewProduct(1); tillroll.reset(); metrilo.viewProduct(2);</script>";
    return withPage(pages(calls), async (fixture) => {
      await fixture.page.context().addCookies([{ name: "cbuid", value: "ann%40x.com", url: fixture.url }]);
      const release = await leaveBeforeCore(fixture);
      const early = await fixture.waitForEvents((events) => events.length > 2);
      assert.deepEqual(early.map(({ type, email }) => [type, email]), [["land", "ann@x.com"], ["product_view", "ann@x.com"], ["product_view", null]]);
      release();
      await fixture.open("/next");
      const events = await fixture.allEvents();
      assert.deepEqual(events.slice(0, -1), early);
      const [view, nextView] = events.slice(-2);
      assert.deepEqual([nextView.type, nextView.email, nextView.visitor_id], ["category_view", null, view.visitor_id]);
      const [{ value }] = (await fixture.page.context().cookies()).filter(({ name }) => name === "cbuid");
      assert.equal(value, view.visitor_id);
    });
  });

  test("continues after its return from the back/forward cache", () =>
    withPage(pages(), async (fixture) => {
      const release = await leaveBeforeCore(fixture);
      await fixture.waitForEvents((events) => events.length > CALLED.length);
      release();
      await fixture.page.goBack({ waitUntil: "commit" });
      await fixture.page.waitForFunction(() => window.tillroll);
      const events = await fixture.allEvents();
      assert.equal(new Set(events.map(({ id }) => id)).size, events.length);
      assert.equal(events.filter(({ type }) => type === "land").length, 1);
    }));

  test("sends each call once when it is hidden twice", () =>
    withPage(pages(), async (fixture) => {
      const { page, open, collector, waitForEvents, allEvents } = fixture;
      const release = await blockAssets(page, collector);
      await open();
      const hide = () => document.dispatchEvent(new Event("visibilitychange"));
      await page.evaluate(hide);
      await waitForEvents((events) => events.length > CALLED.length);
      await page.evaluate(() => window.metrilo.search("shoe"));
      await page.evaluate(hide);
      await waitForEvents((events) => events.some(({ type }) => type === "search"));
      release();
      assert.deepEqual(typesAndParams(await allEvents()).map(([type]) => type), ["land", ...CALLED.map(([type]) => type), "search"]);
    }));

  test("sends as much as a beacon can hold, and the next page sends the rest", () => {
    const many = Array.from({ length: 40 }, (_, at) => [String(at).padStart(2, "0") + "☂".repeat(1000)]);
    const calls = `<script>for (var at = 0; at < 40; at++) metrilo.customEvent((at < 10 ? "0" : "") + at + "☂".repeat(1000));</script>`;
    return withPage(pages(calls), async (fixture) => {
      const beacons = await recordBeacons(fixture.page);
      const release = await leaveBeforeCore(fixture);
      await fixture.waitForEvents((events) => events.length > 10);
      const bodies = await beacons();
      assert.equal(bodies.length, 1);
      assert.ok(Buffer.byteLength(bodies[0]) < 60 * 1024, `${Buffer.byteLength(bodies[0])} bytes`);
      release();
      await fixture.open("/next");
      const events = (await fixture.allEvents()).filter(({ type }) => type === "custom");
      assert.deepEqual(events.map(({ params }) => [params.name]).sort(), many);
    });
  });

  for (const consent of ["denied", "pending"]) {
    test(`sends nothing when consent is ${consent}`, () =>
      withPage(pages(CALLS + `<script>tillroll.consent("${consent}");</script>`), async (fixture) => {
        const beacons = await recordBeacons(fixture.page);
        await leaveBeforeCore(fixture);
        assert.deepEqual([await beacons(), await fixture.waitForEvents(() => true)], [[], []]);
      }));
  }
});

test("a page whose core fails to load sends its calls when it is left", () =>
  withPage(pages(), async (fixture) => {
    const { page, collector, open, waitForEvents } = fixture;
    await page.route(`${collector.url}/assets/{core,fallback}-*`, (route) => route.abort());
    await open();
    await page.evaluate(() => window.tillroll.ready.catch(() => {}));
    await page.evaluate(leaveAfterPaint);
    assert.deepEqual(typesAndParams(await waitForEvents((events) => events.length > CALLED.length)), [landing(fixture.url), ...CALLED]);
    page.errors = page.errors.filter((text) => !/Failed to load resource/.test(text));
  }));

describe("a core that failed to load is loaded again on the same page", PARALLEL, () => {
  const FILES = "assets/{core,fallback}-*";

  /** Opens a page whose core fails to load, then lets its requests through. */
  const openWithoutCore = async ({ page, collector, open }) => {
    await page.route(`${collector.url}/${FILES}`, (route) => route.abort());
    await open();
    await page.evaluate(() => window.tillroll.ready.catch(() => {}));
    await page.unroute(`${collector.url}/${FILES}`);
    page.errors = [];
  };
  const assertDelivered = async ({ page, url, allEvents }) => {
    await page.evaluate(() => window.metrilo.viewCategory(1));
    assert.deepEqual(typesAndParams(await allEvents()), [landing(url), ...CALLED, ["category_view", { id: "1" }]]);
  };

  test("after a retry delay", () =>
    withPage(pages(), async (fixture) => {
      await openWithoutCore(fixture);
      await assertDelivered(fixture);
    }));

  test("at once on the online event", () =>
    withPage(pages(), async (fixture) => {
      const { page } = fixture;
      await page.clock.install();
      await openWithoutCore(fixture);
      // From here on no timer fires.
      await page.clock.pauseAt(await page.evaluate(() => Date.now() + 500));
      await page.evaluate(() => void dispatchEvent(new Event("online")));
      await assertDelivered(fixture);
    }));
});

test("v1 calls survive a page that was left before the replay module loaded", () =>
  withPage(
    (collector) => ({
      "/":
        scriptTag(collector) +
        `<script>
          metrilo.event("view_product", { id: 7 });
          metrilo.viewCategory(1);
          metrilo.identify("Johny@x.com", { name: "Johny Bravo" });
          metrilo.debug();
        </script>`,
      "/next": scriptTag(collector) + `<script>metrilo.event("checkout_start", false);</script>`,
      "/elsewhere": "",
    }),
    async (fixture) => {
      const { page, url, collector, open, allEvents } = fixture;
      const release = await blockAssets(page, collector, "replay-*");
      await open();
      await page.evaluate(() => window.tillroll.ready);
      await page.evaluate(() => window.metrilo.event("search", { query: "shoe" }));
      await page.evaluate(leaveAfterPaint);
      await page.waitForURL("**/elsewhere");
      release();
      await open("/next");
      const events = await allEvents();
      // The collector converted one of these calls from the beacon.
      assert.deepEqual(typesAndParams(events).sort(), [
        ["category_view", { id: "1" }],
        ["checkout", {}],
        ["customer_details", { first_name: "Johny", last_name: "Bravo" }],
        ["identify", { email: "johny@x.com" }],
        landing(url),
        ["product_view", { product_id: "7" }],
        ["search", { query: "shoe", url: `${url}/` }],
      ]);
      assert.ok(isSame(events, "session_id") && isSame(events, "email"));
    },
  ));

describe("calls in one task keep their order, in event ids and in the cart", PARALLEL, () => {
  const ROUNDS = 20;
  /** Runs in the page: adds and removes a product repeatedly within one or two milliseconds, then adds another product. */
  const fillCart = ([rounds, email]) => {
    window.metrilo.identify(email);
    for (let round = 0; round < rounds; round++) {
      window.metrilo.addToCart("a", 1);
      window.metrilo.removeFromCart("a", 1);
    }
    window.metrilo.addToCart("b", 1);
  };
  const basketEvents = (events) => events.filter(({ type }) => type.startsWith("basket_"));
  const hasAllBasketEvents = (events) => basketEvents(events).length === 2 * ROUNDS + 1;

  const assertOrder = async (events, collector, email) => {
    const basket = basketEvents(events).toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const expected = [...Array.from({ length: ROUNDS }, () => ["basket_add", "basket_remove"]).flat(), "basket_add"];
    assert.deepEqual(basket.map(({ type }) => type), expected);
    const text = await fetch(`${collector.url}/export/carts`, { headers: collector.ownerHeaders() }).then((answer) => answer.text());
    const carts = text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
    // An emptied cart ends; the next addition opens a new one.
    const open = carts.filter(({ customer, status }) => customer?.email === email && status !== "emptied");
    assert.deepEqual(open.map(({ line_items }) => line_items.map(({ code, quantity }) => [code, quantity])), [[["b", 1]]]);
  };

  test("with the core loaded", () =>
    withPage(pages(), async ({ page, open, waitForEvents, collector }) => {
      await open("/next");
      await page.evaluate(() => window.tillroll.ready.then(() => true));
      await page.evaluate(fillCart, [ROUNDS, "loaded@x.com"]);
      await assertOrder(await waitForEvents(hasAllBasketEvents), collector, "loaded@x.com");
    }));

  test("on a page that is left before its core has loaded", () =>
    withPage(pages(`<script>(${fillCart})(${JSON.stringify([ROUNDS, "left@x.com"])});</script>`), async (fixture) => {
      await leaveBeforeCore(fixture);
      await assertOrder(await fixture.waitForEvents(hasAllBasketEvents), fixture.collector, "left@x.com");
    }));
});
