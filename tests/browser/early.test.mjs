// Pages that are left before their core has come: the collector gets the calls as they were made, whether or not anybody ever comes back,
// and the next page, which has kept them too, makes the same events of them.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { AT_ONCE, scriptTag, stage } from "./support/stage.mjs";

const play = stage();

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

const short = (events) => events.map(({ type, params }) => [type, params]);
const one = (events, of) => new Set(events.map((event) => event[of])).size === 1;

/** The core takes its time, or never comes, until `release()` is called. */
const hold = async (page, collector, files = "*.wasm") => {
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await page.route(`${collector.url}/assets/${files}`, async (route) => (await held, route.fallback()));
  return release;
};

/** In the page: goes away as soon as something was painted. */
const leave = () => {
  requestAnimationFrame(() => requestAnimationFrame(() => (location.href = "/elsewhere")));
};

/** Remembers the bodies that the page's beacons had: nobody but the page sees those that go out while it is left. */
const overhear = async (page) => {
  await page.addInitScript(() => {
    const send = navigator.sendBeacon.bind(navigator);
    navigator.sendBeacon = (url, body) => {
      sessionStorage.setItem("said", JSON.stringify([...JSON.parse(sessionStorage.getItem("said") ?? "[]"), body]));
      return send(url, body);
    };
  });
  return () => page.evaluate(() => JSON.parse(sessionStorage.getItem("said") ?? "[]"));
};

const leaveEarly = async ({ page, open, collector }, way = leave) => {
  const release = await hold(page, collector);
  await open();
  await page.evaluate(way);
  await page.waitForURL("**/elsewhere");
  return release;
};

const LAND = (url) => ["land", { current_url: `${url}/`, source_url: "" }];

describe("a page that is left before its core has come", AT_ONCE, () => {
  test("says its calls, and nobody has to come back", () =>
    play(pages(), async (scene) => {
      await leaveEarly(scene);
      const events = await scene.stored((events) => events.length > CALLED.length);
      assert.deepEqual(short(events), [LAND(scene.url), ...CALLED]);
      assert.ok(one(events, "session_id") && one(events, "email"));
      assert.ok(events.every(({ page }) => page.url === `${scene.url}/`));
    }));

  test("says nothing twice when the visitor comes back", () =>
    play(pages(), async (scene) => {
      const release = await leaveEarly(scene);
      const early = await scene.stored((events) => events.length > CALLED.length);
      release();
      await scene.open("/next");
      const events = await scene.told();
      assert.deepEqual(short(events), [LAND(scene.url), ...CALLED, ["category_view", { id: "1" }]]);
      assert.deepEqual(events.slice(0, -1), early);
      assert.ok(one(events, "session_id") && one(events, "email"));
    }));

  test("says that somebody was there, even if nothing was called", () =>
    play(pages(""), async (scene) => {
      const release = await leaveEarly(scene);
      assert.deepEqual(short(await scene.stored((events) => events.length)), [LAND(scene.url)]);
      release();
      await scene.open("/next");
      assert.deepEqual(short(await scene.told()), [LAND(scene.url), ["category_view", { id: "1" }]]);
    }));

  test("is the visit and the visitor that the cookies know", () =>
    play(pages(), async (scene) => {
      const { page, url, open, told, stored, collector } = scene;
      await page.context().addCookies([{ name: "cbuid", value: "Ann%40x.com", url }]);
      await open("/next");
      const before = await told();
      await hold(page, collector);
      await open();
      await page.evaluate(leave);
      const events = await stored((events) => events.filter(({ type }) => type !== "custom").length >= before.length + CALLED.length);
      assert.ok(one(events, "session_id"));
      assert.deepEqual(events.filter(({ type }) => type === "land").length, 1);
      const view = events.find(({ type }) => type === "product_view");
      assert.equal(view.email, "ann@x.com");
    }));

  test("and comes back from the browser's cache goes on", () =>
    play(pages(), async (scene) => {
      const release = await leaveEarly(scene);
      await scene.stored((events) => events.length > CALLED.length);
      release();
      await scene.page.goBack({ waitUntil: "commit" });
      await scene.page.waitForFunction(() => window.tillroll);
      const events = await scene.told();
      assert.equal(new Set(events.map(({ id }) => id)).size, events.length);
      assert.equal(events.filter(({ type }) => type === "land").length, 1);
    }));

  test("goes out of sight and is called again", () =>
    play(pages(), async (scene) => {
      const { page, open, collector, stored, told } = scene;
      const release = await hold(page, collector);
      await open();
      const hide = () => document.dispatchEvent(new Event("visibilitychange"));
      await page.evaluate(hide);
      await stored((events) => events.length > CALLED.length);
      await page.evaluate(() => window.metrilo.search("shoe"));
      await page.evaluate(hide);
      await stored((events) => events.some(({ type }) => type === "search"));
      release();
      assert.deepEqual(short(await told()).map(([type]) => type), ["land", ...CALLED.map(([type]) => type), "search"]);
    }));

  test("says as much as a beacon holds, and the next page the rest", () => {
    const many = Array.from({ length: 40 }, (_, at) => [String(at).padStart(2, "0") + "☂".repeat(1000)]);
    const calls = `<script>for (var at = 0; at < 40; at++) metrilo.customEvent((at < 10 ? "0" : "") + at + "☂".repeat(1000));</script>`;
    return play(pages(calls), async (scene) => {
      const said = await overhear(scene.page);
      const release = await leaveEarly(scene);
      await scene.stored((events) => events.length > 10);
      const bodies = await said();
      assert.equal(bodies.length, 1);
      assert.ok(Buffer.byteLength(bodies[0]) < 60 * 1024, `${Buffer.byteLength(bodies[0])} bytes`);
      release();
      await scene.open("/next");
      const events = (await scene.told()).filter(({ type }) => type === "custom");
      assert.deepEqual(events.map(({ params }) => [params.name]).sort(), many);
    });
  });

  for (const [title, consent] of [["was refused", "denied"], ["is still open", "pending"]]) {
    test(`says nothing after the visitor's leave ${title}`, () =>
      play(pages(CALLS + `<script>tillroll.consent("${consent}");</script>`), async (scene) => {
        const said = await overhear(scene.page);
        await leaveEarly(scene);
        assert.deepEqual([await said(), await scene.stored(() => true)], [[], []]);
      }));
  }
});

test("a page that gets no core at all says its calls when it is left", () =>
  play(pages(), async (scene) => {
    const { page, collector, open, stored } = scene;
    await page.route(`${collector.url}/assets/{core,fallback}-*`, (route) => route.abort());
    await open();
    await page.evaluate(() => window.tillroll.ready.catch(() => {}));
    await page.evaluate(leave);
    assert.deepEqual(short(await stored((events) => events.length > CALLED.length)), [LAND(scene.url), ...CALLED]);
    page.complaints = page.complaints.filter((text) => !/Failed to load resource/.test(text));
  }));

describe("a core that the network kept back comes on the same page", AT_ONCE, () => {
  const FILES = "assets/{core,fallback}-*";

  /** Opens a page whose core does not arrive, and gives the network back. */
  const openWithout = async ({ page, collector, open }) => {
    await page.route(`${collector.url}/${FILES}`, (route) => route.abort());
    await open();
    await page.evaluate(() => window.tillroll.ready.catch(() => {}));
    await page.unroute(`${collector.url}/${FILES}`);
    page.complaints = [];
  };
  const assertCame = async ({ page, url, told }) => {
    await page.evaluate(() => window.metrilo.viewCategory(1));
    assert.deepEqual(short(await told()), [LAND(url), ...CALLED, ["category_view", { id: "1" }]]);
  };

  test("after a while", () =>
    play(pages(), async (scene) => {
      await openWithout(scene);
      await assertCame(scene);
    }));

  test("at once when the connection is back", () =>
    play(pages(), async (scene) => {
      const { page } = scene;
      await page.clock.install();
      await openWithout(scene);
      // From here on no timer goes off.
      await page.clock.pauseAt(await page.evaluate(() => Date.now() + 500));
      await page.evaluate(() => void dispatchEvent(new Event("online")));
      await assertCame(scene);
    }));
});

test("calls of the first generation outlive a page that never learnt what they mean", () =>
  play(
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
    async (scene) => {
      const { page, url, collector, open, told } = scene;
      const release = await hold(page, collector, "replay-*");
      await open();
      await page.evaluate(() => window.tillroll.ready);
      await page.evaluate(() => window.metrilo.event("search", { query: "shoe" }));
      await page.evaluate(leave);
      await page.waitForURL("**/elsewhere");
      release();
      await open("/next");
      const events = await told();
      // Of these calls the collector understood one by itself, when the page was left.
      assert.deepEqual(short(events).sort(), [
        ["category_view", { id: "1" }],
        ["checkout", {}],
        ["customer_details", { first_name: "Johny", last_name: "Bravo" }],
        ["identify", { email: "johny@x.com" }],
        LAND(url),
        ["product_view", { product_id: "7" }],
        ["search", { query: "shoe", url: `${url}/` }],
      ]);
      assert.ok(one(events, "session_id") && one(events, "email"));
    },
  ));

describe("what is called at once keeps its order, in the ids of the events and in the cart", AT_ONCE, () => {
  const ROUNDS = 20;
  /** In the page: puts something in and takes it out, again and again, in one millisecond or two; one of the second product stays. */
  const fill = ([rounds, email]) => {
    window.metrilo.identify(email);
    for (let round = 0; round < rounds; round++) {
      window.metrilo.addToCart("a", 1);
      window.metrilo.removeFromCart("a", 1);
    }
    window.metrilo.addToCart("b", 1);
  };
  const inBasket = (events) => events.filter(({ type }) => type.startsWith("basket_"));
  const everything = (events) => inBasket(events).length === 2 * ROUNDS + 1;

  const assertOrder = async (events, collector, email) => {
    const basket = inBasket(events).toSorted((one, other) => (one.id < other.id ? -1 : 1));
    const called = [...Array.from({ length: ROUNDS }, () => ["basket_add", "basket_remove"]).flat(), "basket_add"];
    assert.deepEqual(basket.map(({ type }) => type), called);
    const text = await fetch(`${collector.url}/export/carts`, { headers: collector.authorised() }).then((answer) => answer.text());
    const carts = text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
    // An emptied cart ends; what comes next opens another one.
    const open = carts.filter(({ customer, status }) => customer?.email === email && status !== "emptied");
    assert.deepEqual(open.map(({ line_items }) => line_items.map(({ code, quantity }) => [code, quantity])), [[["b", 1]]]);
  };

  test("when the core is there", () =>
    play(pages(), async ({ page, open, stored, collector }) => {
      await open("/next");
      await page.evaluate(() => window.tillroll.ready.then(() => true));
      await page.evaluate(fill, [ROUNDS, "there@x.com"]);
      await assertOrder(await stored(everything), collector, "there@x.com");
    }));

  test("and when the page is left before", () =>
    play(pages(`<script>(${fill})(${JSON.stringify([ROUNDS, "left@x.com"])});</script>`), async (scene) => {
      await leaveEarly(scene);
      await assertOrder(await scene.stored(everything), scene.collector, "left@x.com");
    }));
});
