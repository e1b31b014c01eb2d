// Storage fails: denied, full, cleared under us, cookies with it. Events are sent all the same, each once, as long as one place is left to
// keep them; the bounds hold, and what falls out is said.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ENGINES } from "../support/engines.mjs";
import { assertOnce } from "../support/event-assertions.mjs";
import { BLOCKED, Profile } from "../support/chromium-profile.mjs";
import { SILENCE } from "../support/faulty-proxy.mjs";
import { AT_ONCE, scriptTag, stage } from "../support/fixture.mjs";

const FAULTY = { proxied: true, prints: /Failed to load resource/ };
const inline = (text) => `<script>${text}</script>`;

const DENIED = `function () { throw new DOMException("denied", "SecurityError"); }`;
const deny = (name, of = "window") => `Object.defineProperty(${of}, "${name}", { get: ${DENIED} });`;
const NO_COOKIES = `Object.defineProperty(document, "cookie", { get: ${DENIED}, set: ${DENIED} });`;
/** Opens nothing and says so later, as private windows of some browsers did, or says nothing at all. */
const opens = (says) => `IDBFactory.prototype.open = function () { var asked = {}; ${says} return asked; };`;
const LATER = opens(`setTimeout(function () { asked.onerror && asked.onerror(new Event("error")); }, 0);`);
const NEVER = opens("");

/** title: what is done to the page before the library loads. */
const DENIALS = {
  "IndexedDB throws": deny("indexedDB"),
  "IndexedDB is refused later": LATER,
  "IndexedDB never answers": NEVER,
  "there is no IndexedDB": `Object.defineProperty(window, "indexedDB", { value: undefined });`,
  "local storage throws": deny("localStorage"),
  "local storage is full": `Storage.prototype.setItem = function () { throw new DOMException("full", "QuotaExceededError"); };`,
  "all storage throws": deny("indexedDB") + deny("localStorage") + deny("sessionStorage"),
  "cookies throw": NO_COOKIES,
  "cookies are ignored": `Object.defineProperty(document, "cookie", { get: function () { return ""; }, set: function () {} });`,
  "all storage and cookies throw": deny("indexedDB") + deny("localStorage") + deny("sessionStorage") + NO_COOKIES,
};

const pages = (denial) => (collector) => {
  const page = inline(denial) + scriptTag(collector);
  return { "/": page, "/next": page, "/elsewhere": "" };
};

const ready = () => window.tillroll.ready.then(() => true);
const call = (names) => names.forEach((name) => window.metrilo.customEvent(name));
const go = (path) => void (location.href = path);
/** In the page: what becomes of a write. */
const probe = () =>
  new Promise((resolve) => {
    const opening = indexedDB.open("probe");
    opening.onerror = () => resolve(opening.error.name);
    opening.onupgradeneeded = () => opening.result.createObjectStore("probe");
    opening.onsuccess = () => {
      const transaction = opening.result.transaction("probe", "readwrite");
      transaction.onabort = () => resolve(transaction.error.name);
      transaction.oncomplete = () => resolve("written");
      transaction.objectStore("probe").put("x", "x");
    };
  });
const NAMES = ["1", "2", "3"];

/** Calls, is left while the collector is silent, calls again on the next page. */
const browse = async ({ page, proxy, open, stored, told }) => {
  await open();
  await page.evaluate(ready);
  await stored((events) => events.length > 0);
  proxy.next = [SILENCE];
  const asked = proxy.arrival();
  await page.evaluate(call, NAMES.slice(0, 2));
  await asked;
  await page.evaluate(go, "/next");
  await page.waitForURL(/next/);
  await page.evaluate(ready);
  await page.evaluate(call, NAMES.slice(2));
  assertOnce(await told(page, 30_000), NAMES);
};

for (const [name, engine] of Object.entries(ENGINES)) {
  describe(`${name}, storage is denied: lost 0, stored twice 0`, AT_ONCE, () => {
    const play = stage({ engine });
    for (const [title, denial] of Object.entries(DENIALS)) test(title, () => play(pages(denial), browse, FAULTY));
  });
}

describe("Chromium's storage fails: lost 0, stored twice 0", AT_ONCE, () => {
  const play = stage();

  /** Calls `act` with the page of a browser with a profile of its own: Chromium counts no bytes where a profile is in memory alone. */
  const atHome = (act, settings) => async (scene) => {
    const profile = await Profile.make({ settings });
    try {
      const page = await profile.open();
      const open = (path = "/") => page.goto(scene.url + path);
      await act({ ...scene, page, open, told: (from = page, patience = undefined) => scene.told(from, patience) });
    } finally {
      await profile.close();
    }
  };

  /** Leaves the shop one byte to keep things in; none would mean no bound. */
  const setQuota = async (page, url) => {
    const session = await page.context().newCDPSession(page);
    await session.send("Storage.overrideQuotaForOrigin", { origin: url, quotaSize: 1 });
    // Chromium counts what is left anew only after a while.
    await page.waitForFunction(`(${probe})().then((result) => result === "QuotaExceededError")`, undefined, { polling: 100 });
  };

  test("the quota is full before the first page", () =>
    play(
      pages(""),
      atHome(async (scene) => {
        await scene.open("/elsewhere");
        await setQuota(scene.page, scene.url);
        await browse(scene);
      }),
      FAULTY,
    ));

  test("the quota is full in the middle, and the collector away until the next page", () =>
    play(
      pages(""),
      atHome(async ({ page, url, proxy, open, stored, told }) => {
        await open();
        await page.evaluate(ready);
        await stored((events) => events.length > 0);
        await proxy.refuse();
        await page.evaluate(call, ["kept 1", "kept 2"]);
        await setQuota(page, url);
        await page.evaluate(call, ["full 1", "full 2"]);
        await page.evaluate(go, "/elsewhere");
        await page.waitForURL(/elsewhere/);
        await proxy.accept();
        await open("/next");
        assertOnce(await told(), ["kept 1", "kept 2", "full 1", "full 2"]);
      }),
      FAULTY,
    ));

  test("the visitor clears the site's data between two calls", () =>
    play(
      pages(""),
      async ({ page, url, proxy, open, stored, told }) => {
        await open();
        await page.evaluate(ready);
        await stored((events) => events.length > 0);
        proxy.next = [SILENCE];
        await page.evaluate(call, ["before"]);
        const session = await page.context().newCDPSession(page);
        await session.send("Storage.clearDataForOrigin", { origin: url, storageTypes: "all" });
        await page.evaluate(call, ["after"]);
        assertOnce(await told(page, 30_000), ["before", "after"]);
      },
      FAULTY,
    ));

  test("cookies and storage blocked by the visitor's settings", () =>
    play(
      pages(""),
      atHome(async (scene) => {
        await scene.open("/elsewhere");
        assert.equal(await scene.page.evaluate(() => ((document.cookie = "a=b"), document.cookie)), "");
        assert.notEqual(await scene.page.evaluate(probe), "written");
        await browse(scene);
      }, BLOCKED),
      FAULTY,
    ));

  test("1,100 calls while the collector is away: the 1,000 youngest stay, and the page hears of 100", () =>
    play(
      pages(""),
      async ({ page, proxy, open, stored, told }) => {
        await open();
        await page.evaluate(ready);
        await stored((events) => events.length > 0);
        // The landing is stored; the page must have heard so, or it takes a place in the queue.
        await page.evaluate(() => window.tillroll.flush());
        await proxy.refuse();
        const names = Array.from({ length: 1_100 }, (_, at) => String(at));
        const dropped = await page.evaluate((names) => {
          let count = 0;
          window.tillroll.on("dropped", (report) => (count += report.reason === "full" ? report.count : 0));
          for (const name of names) window.metrilo.customEvent(name);
          return count;
        }, names);
        assert.equal(dropped, 100);
        await proxy.accept();
        await stored((events) => events.some(({ params }) => params.name === "1099"), 30_000);
        assertOnce(await told(), names.slice(100));
      },
      FAULTY,
    ));
});
