// The inline snippet before a script that comes late, or never: what a page calls meanwhile is stored once, with its own time and page, by
// that page or by a later one, in whatever moment the page is left.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { assertOnce } from "./support/expect.mjs";
import { PROTOTYPE } from "./support/old-theme.mjs";
import { Profile } from "./support/profile.mjs";
import { HOLDING, KEEPING } from "./support/snippet.mjs";
import { AT_ONCE, scriptTag, stage } from "./support/stage.mjs";

const play = stage();

const inline = (text) => `<script>${text}</script>`;
const LATE = { prints: /Failed to load resource/ };

const CALLS = `
  metrilo.viewProduct(7);
  ometria.identify("johny@x.com");
  ometria.init("product", { pid: 7 }, "uk");
  var basket = new ometria.Basket();
  basket.setTotal("12.00", "GBP");
  basket.addLineItem("7", 2, 6);
  ometria.setBasket(basket);
  metrilo.event("checkout_start", []);
  ometria.trackTransaction("1001");
  metrilo.customEvent("last");
`;
const CALLED = [
  ["product_view", "metrilo"],
  ["product_view", "ometria"],
  ["identify", "ometria"],
  ["basket_update", "ometria"],
  ["checkout", "metrilo-v1"],
  ["order", "ometria"],
  ["custom", "metrilo"],
];
const LAND = ["land", "tillroll"];

const short = (events) => events.map(({ type, api }) => [type, api]);
const one = (events, of) => new Set(events.map((event) => event[of])).size === 1;
const once = (events) => assert.equal(new Set(events.map(({ id }) => id)).size, events.length);

const pages = (calls = CALLS, { snippet = KEEPING, attributes = "" } = {}) => (collector) => ({
  "/": snippet + scriptTag(collector, `async ${attributes}`) + inline(calls),
  "/next": snippet + scriptTag(collector, `async ${attributes}`),
  "/plain": scriptTag(collector, attributes),
  "/elsewhere": "",
});

/** Files whose names fit `what` take their time until `release()` is called, or never come. */
const hold = async (page, collector, what) => {
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await page.route(`${collector.url}/${what}`, async (route) => (await held, route.fallback()));
  return release;
};
const refuse = (page, collector, what) => page.route(`${collector.url}/${what}`, (route) => route.abort());

const SCRIPT = "tracking.js*";
const CORE = "assets/core-*.wasm";
const UNDERSTANDING = "assets/replay-*";

const ready = () => window.tillroll.ready.then(() => true);
const come = (page) => page.waitForFunction(() => window.tillroll?.version);
const go = (path) => void (location.href = path);
/** In the page: what local storage has of the snippet's. */
const noted = () => Object.keys(localStorage).filter((key) => key.startsWith("tillroll:")).length;

describe("an async script behind the snippet", AT_ONCE, () => {
  test("comes late: the same objects go on, and nothing is lost or twice", () =>
    play(pages(), async ({ page, collector, stored, told, url }) => {
      const release = await hold(page, collector, SCRIPT);
      await page.goto(`${url}/`, { waitUntil: "commit" });
      await page.waitForFunction(() => window.tillroll?.length === 7);
      const before = await page.evaluate(() => {
        Object.assign(window, { was: [window.metrilo, window.ometria], basket: new window.ometria.Basket() });
        window.basket.addLineItem("8", 1, 5);
        return [window.ometria.basket.size, Date.now()];
      });
      await page.waitForFunction((then) => Date.now() > then + 100, before[1]);
      release();
      await come(page);
      await page.evaluate(() => {
        window.metrilo.viewCategory(1);
        window.basket.addLineItem("9", 3, 5);
        window.ometria.setBasket(window.basket);
      });
      // The page view was the snippet's: for the objects that the script made, it is yet to come, and calls wait for it.
      await stored((events) => events.filter(({ type }) => type === "basket_update").length === 2);
      const events = await told();
      assert.deepEqual(short(events), [LAND, ...CALLED, ["category_view", "metrilo"], ["basket_update", "ometria"]]);
      once(events);
      assert.ok(one(events, "session_id") && one(events, "email"));
      assert.ok(events.slice(1, 1 + CALLED.length).every(({ time, page }) => time <= before[1] && page.url === `${url}/`));
      assert.deepEqual(events.at(-1).params.lines.map(({ product_id, quantity }) => [product_id, quantity]), [["8", 1], ["9", 3]]);
      const same = await page.evaluate(() => window.was[0] === window.metrilo && window.was[1] === window.ometria && window.ometria.basket.size);
      assert.deepEqual([before[0], same], [0, 4]);
      assert.equal(await page.evaluate(noted), 0);
    }));

  test("never comes: the next page that has it makes the events, and the landing is the first page's", () =>
    play(
      pages(),
      async ({ page, open, collector, told, url }) => {
        await refuse(page, collector, SCRIPT);
        await open();
        const left = await page.evaluate(() => Date.now());
        await page.unroute(`${collector.url}/${SCRIPT}`);
        await open("/plain");
        const events = await told();
        assert.deepEqual(short(events), [LAND, ...CALLED]);
        assert.ok(events.every(({ time, page }) => time <= left && page.url === `${url}/` && page.title === "Shop"));
        assert.ok(one(events, "session_id") && one(events, "email"));
        await open("/next");
        assert.deepEqual(short(await told()), [LAND, ...CALLED]);
        assert.equal(await page.evaluate(noted), 0);
      },
      LATE,
    ));

  test("never comes, on a page with the Prototype library: what that makes of the notes is understood", () =>
    play(
      pages(`metrilo.customEvent("seen"); metrilo.applyTags(["a", "b"]);`, { snippet: inline(PROTOTYPE) + KEEPING }),
      async ({ page, open, collector, told }) => {
        await refuse(page, collector, SCRIPT);
        await open();
        await page.unroute(`${collector.url}/${SCRIPT}`);
        await open("/plain");
        assert.deepEqual((await told()).slice(1).map(({ type, params }) => [type, params]), [["custom", { name: "seen" }], ["tag", { tags: ["a", "b"] }]]);
        assert.equal(await page.evaluate(noted), 0);
      },
      LATE,
    ));

  test("never comes on three pages", () =>
    play(
      pages(`metrilo.customEvent(location.search);`),
      async ({ page, open, collector, told }) => {
        await refuse(page, collector, SCRIPT);
        for (const query of ["?1", "?2", "?3"]) await open(`/${query}`);
        await page.unroute(`${collector.url}/${SCRIPT}`);
        await open("/plain");
        const events = await told();
        assertOnce(events, ["?1", "?2", "?3"]);
        assert.ok(one(events, "session_id") && one(events, "visitor_id"));
        assert.equal(events.filter(({ type }) => type === "land").length, 1);
      },
      LATE,
    ));

  test("two tabs find at once what was left", () =>
    play(
      pages(),
      async ({ page, url, open, collector, told }) => {
        await refuse(page, collector, SCRIPT);
        await open();
        await page.unroute(`${collector.url}/${SCRIPT}`);
        const other = await page.context().newPage();
        await Promise.all([open("/plain"), other.goto(`${url}/plain`)]);
        await told(other, 40_000);
        const events = await told(page, 40_000);
        once(events);
        assert.deepEqual(short(events.filter(({ type }) => type !== "land")), CALLED);
      },
      LATE,
    ));

  test("page's own: raw data, a function for when it has come, and a stub that knows one word", () =>
    play(
      (collector) => ({
        "/":
          inline(`var theirs = []; window.ometria = {
            raw_data: { type: "homepage", store: "uk" },
            onLoad: function () { theirs.push("loaded"); },
            identify: function (id) { theirs.push(id); },
          };`) + KEEPING + scriptTag(collector, "async") + inline(`ometria.identify("johny@x.com");`),
      }),
      async ({ page, open, told }) => {
        await open();
        await come(page);
        await page.evaluate(() => window.ometria.identify("johny@x.com"));
        const events = await told();
        assert.deepEqual(short(events).sort(), [["identify", "ometria"], LAND, ["page_view", "ometria"]]);
        assert.deepEqual(await page.evaluate(() => window.theirs), ["johny@x.com", "loaded", "johny@x.com"]);
      },
    ));

  test("a form that was integrated before it came is read", () =>
    play(
      // The form is there before anything that is loaded can be: who integrates one that is not there integrates none.
      pages(`document.write('<form action="/plain"><input name="email" value="johny@x.com"></form>');
        metrilo.integrateForm({ formSelector: "form", email: "email" });`),
      async ({ page, open, told, stored }) => {
        await open();
        await page.evaluate(() => window.metrilo.checkout());
        await stored((events) => events.some(({ type }) => type === "checkout"));
        await page.evaluate(() => document.querySelector("form").requestSubmit());
        await page.waitForURL("**/plain**");
        assert.deepEqual(short(await told()).filter(([type]) => type === "identify"), [["identify", "metrilo"]]);
      },
    ));
});

describe("a page with the snippet is left", AT_ONCE, () => {
  const leave = {
    "while the script is on its way": { held: SCRIPT, at: () => window.tillroll?.length },
    "while the core is on its way": { held: CORE, at: () => window.tillroll?.version },
    "while what understands its calls is on its way": { held: UNDERSTANDING, at: () => window.tillroll?.version },
  };
  for (const [title, { held, at }] of Object.entries(leave)) {
    test(title, () =>
      play(
        pages(),
        async ({ page, url, open, collector, told }) => {
          const release = await hold(page, collector, held);
          await page.goto(`${url}/`, { waitUntil: "commit" });
          await page.waitForFunction(at);
          if (held === UNDERSTANDING) await page.evaluate(ready);
          await page.evaluate(go, "/elsewhere");
          await page.waitForURL("**/elsewhere");
          release();
          await open("/next");
          const events = await told();
          once(events);
          assert.deepEqual(short(events.filter(({ type }) => type !== "land")), CALLED);
          assert.equal(events.filter(({ type }) => type === "land").length, 1, "one visit, one landing");
          assert.ok(one(events, "session_id") && one(events, "email"));
        },
        LATE,
      ));
  }

  test("within 50 ms of the first paint", () =>
    play(
      pages(`${CALLS} requestAnimationFrame(function () { setTimeout(function () { location.href = "/elsewhere"; }, 0); });`),
      async ({ page, url, open, told, stored }) => {
        await page.goto(`${url}/`, { waitUntil: "commit" });
        await page.waitForURL("**/elsewhere");
        await open("/next");
        await stored((events) => events.some(({ type }) => type === "custom"));
        const events = await told();
        once(events);
        assert.deepEqual(short(events.filter(({ type }) => type !== "land")), CALLED);
      },
      LATE,
    ));

  test("by a browser that is killed when half of the way is done", async () =>
    play(
      pages(`for (var at = 0; at < 5; at++) metrilo.customEvent("call " + at);`),
      async ({ url, collector, told }) => {
        const profile = await Profile.make();
        try {
          const page = await profile.open();
          await refuse(page, collector, SCRIPT);
          await page.goto(`${url}/`);
          await page.unroute(`${collector.url}/${SCRIPT}`);
          await hold(page, collector, UNDERSTANDING);
          await page.goto(`${url}/plain`);
          await page.evaluate(ready);
          await page.waitForFunction(written, 5);
          await profile.kill();
          const again = await profile.open();
          await again.goto(`${url}/plain`);
          assertOnce(await told(again), [0, 1, 2, 3, 4].map((at) => `call ${at}`));
        } finally {
          await profile.close();
        }
      },
    ));
});

/** In the page: whether the library's database holds as many notes. */
const written = (count) =>
  new Promise((resolve) => {
    const opening = indexedDB.open("tillroll");
    opening.onsuccess = () => {
      const reading = opening.result.transaction("tillroll").objectStore("tillroll").getAll();
      reading.onsuccess = () => (opening.result.close(), resolve(reading.result.filter((text) => text.startsWith("[")).length === count));
    };
  });

describe("the visitor's word", AT_ONCE, () => {
  const asking = pages(CALLS, { snippet: HOLDING, attributes: `data-consent="pending"` });
  /** In the page: everything that it keeps. */
  const storage = async () => [document.cookie, { ...localStorage }, { ...sessionStorage }, (await indexedDB.databases()).length];
  const NOTHING = ["", {}, {}, 0];

  test("is awaited: nothing is stored before a yes, and then everything comes", () =>
    play(asking, async ({ page, open, told }) => {
      await open();
      await come(page);
      await page.evaluate(ready);
      assert.deepEqual(await page.evaluate(storage), NOTHING);
      await page.evaluate(() => window.tillroll.consent("granted"));
      const events = await told();
      once(events);
      assert.deepEqual(short(events), [LAND, ...CALLED]);
    }));

  test("is no, and then yes: what was called before is gone", () =>
    play(asking, async ({ page, open, told, stored }) => {
      await open();
      await come(page);
      await page.evaluate(ready);
      await page.evaluate(() => window.tillroll.consent("denied"));
      assert.deepEqual([await stored(() => true), await page.evaluate(storage)], [[], NOTHING]);
      await page.evaluate(() => (window.tillroll.consent("granted"), window.metrilo.checkout()));
      assert.deepEqual(short(await told()), [LAND, ["checkout", "metrilo"]]);
    }));

  test("is no when notes of an earlier page are there: they go", () =>
    play(
      pages(CALLS, { attributes: `data-consent="denied"` }),
      async ({ page, open, collector, stored }) => {
        await refuse(page, collector, SCRIPT);
        await open();
        assert.equal(await page.evaluate(noted), 10 - 3);
        await page.unroute(`${collector.url}/${SCRIPT}`);
        await open("/next");
        await come(page);
        await page.evaluate(ready);
        assert.deepEqual([await stored(() => true), await page.evaluate(noted)], [[], 0]);
      },
      LATE,
    ));

  test("stands in the browser: nothing is kept and nothing is sent", () =>
    play(pages(), async ({ page, open, stored }) => {
      await page.addInitScript(() => Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { get: () => true }));
      await open();
      assert.equal(await page.evaluate(noted), 0);
      await come(page);
      await page.evaluate(ready);
      assert.deepEqual([await stored(() => true), await page.evaluate(noted)], [[], 0]);
    }));
});

describe("storage fails", AT_ONCE, () => {
  const DENIED = `Object.defineProperty(window, "localStorage", { get: function () { throw new DOMException("denied", "SecurityError"); } });`;

  test("local storage is refused: what is in memory is not lost when the script comes", () =>
    play(
      (collector) => ({ "/": inline(DENIED) + KEEPING + scriptTag(collector, "async") + inline(CALLS) }),
      async ({ open, page, told }) => {
        await open();
        await come(page);
        const events = await told();
        once(events);
        assert.deepEqual(short(events), [LAND, ...CALLED]);
      },
    ));

  test("IndexedDB is refused: notes stay in local storage until they are understood", () =>
    play(
      (collector) => {
        const broken = inline(`Object.defineProperty(window, "indexedDB", { value: undefined });`);
        return { "/": broken + KEEPING + scriptTag(collector, "async") + inline(CALLS), "/plain": broken + scriptTag(collector) };
      },
      async ({ open, page, told, collector }) => {
        await refuse(page, collector, SCRIPT);
        await open();
        await page.unroute(`${collector.url}/${SCRIPT}`);
        await open("/plain");
        const events = await told();
        once(events);
        assert.deepEqual(short(events), [LAND, ...CALLED]);
        await page.evaluate(() => window.tillroll.flush());
        assert.equal(await page.evaluate(noted), 0);
      },
      LATE,
    ));
});
