// Storage and cookies are denied, full or cleared. Events are still sent, each once, as long as one storage is available. The queue's limits
// hold, and dropped events are reported.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ChromiumProfile, STORAGE_BLOCKED } from "../support/chromium-profile.mjs";
import { ENGINES } from "../support/engines.mjs";
import { assertStoredOnce } from "../support/event-assertions.mjs";
import { NO_RESPONSE } from "../support/faulty-proxy.mjs";
import { createFixture, PARALLEL, scriptTag } from "../support/fixture.mjs";

const WITH_PROXY = { useProxy: true, allowedErrors: /Failed to load resource/ };
const inline = (text) => `<script>${text}</script>`;

const DENIED = `function () { throw new DOMException("denied", "SecurityError"); }`;
const deny = (name) => `Object.defineProperty(window, "${name}", { get: ${DENIED} });`;
const NO_COOKIES = `Object.defineProperty(document, "cookie", { get: ${DENIED}, set: ${DENIED} });`;
/** `indexedDB.open` fails asynchronously, as in private windows of some browsers, or never calls back. */
const openThat = (action) => `IDBFactory.prototype.open = function () { var request = {}; ${action} return request; };`;
const OPEN_FAILS = openThat(`setTimeout(function () { request.onerror && request.onerror(new Event("error")); }, 0);`);
const OPEN_HANGS = openThat("");

/** title: the script that runs in the page before the library. */
const DENIALS = {
  "IndexedDB throws": deny("indexedDB"),
  "IndexedDB fails asynchronously": OPEN_FAILS,
  "IndexedDB never calls back": OPEN_HANGS,
  "IndexedDB is missing": `Object.defineProperty(window, "indexedDB", { value: undefined });`,
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

const whenReady = () => window.tillroll.ready.then(() => true);
const sendEvents = (names) => names.forEach((name) => window.metrilo.customEvent(name));
const navigate = (path) => void (location.href = path);
/** Runs in the page: writes to IndexedDB and returns "written" or the name of the error. */
const probeWrite = () =>
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

/** Sends events, leaves the page while the collector does not respond, and sends more events on the next page. */
const sendAcrossPages = async ({ page, proxy, open, waitForEvents, allEvents }) => {
  await open();
  await page.evaluate(whenReady);
  await waitForEvents((events) => events.length > 0);
  proxy.nextFaults = [NO_RESPONSE];
  const batchReceived = proxy.nextBatch();
  await page.evaluate(sendEvents, NAMES.slice(0, 2));
  await batchReceived;
  await page.evaluate(navigate, "/next");
  await page.waitForURL(/next/);
  await page.evaluate(whenReady);
  await page.evaluate(sendEvents, NAMES.slice(2));
  // A beacon may arrive after the requests of the next page.
  await waitForEvents((events) => NAMES.every((name) => events.some(({ params }) => params.name === name)), 30_000);
  assertStoredOnce(await allEvents(page, 30_000), NAMES);
};

for (const [name, engine] of Object.entries(ENGINES)) {
  describe(`${name}, when storage is denied no event is lost or duplicated`, PARALLEL, () => {
    const withPage = createFixture({ engine });
    for (const [title, denial] of Object.entries(DENIALS)) test(title, () => withPage(pages(denial), sendAcrossPages, WITH_PROXY));
  });
}

describe("when Chromium's storage fails no event is lost or duplicated", PARALLEL, () => {
  const withPage = createFixture();

  /** Calls `act` with a page of a browser that has a profile on disk. Chromium enforces no quota for a profile in memory. */
  const withProfile = (act, settings) => async (fixture) => {
    const profile = await ChromiumProfile.create({ settings });
    try {
      const page = await profile.open();
      const open = (path = "/") => page.goto(fixture.url + path);
      await act({ ...fixture, page, open, allEvents: (from = page, timeoutMs = undefined) => fixture.allEvents(from, timeoutMs) });
    } finally {
      await profile.close();
    }
  };

  /** Sets the quota of the shop's origin to one byte; 0 would mean no limit. */
  const setQuota = async (page, url) => {
    const session = await page.context().newCDPSession(page);
    await session.send("Storage.overrideQuotaForOrigin", { origin: url, quotaSize: 1 });
    // Chromium updates the remaining quota with a delay.
    await page.waitForFunction(`(${probeWrite})().then((result) => result === "QuotaExceededError")`, undefined, { polling: 100 });
  };

  test("the quota is exceeded before the first page", () =>
    withPage(
      pages(""),
      withProfile(async (fixture) => {
        await fixture.open("/elsewhere");
        await setQuota(fixture.page, fixture.url);
        await sendAcrossPages(fixture);
      }),
      WITH_PROXY,
    ));

  test("the quota is exceeded between calls, and the collector is down until the next page", () =>
    withPage(
      pages(""),
      withProfile(async ({ page, url, proxy, open, waitForEvents, allEvents }) => {
        await open();
        await page.evaluate(whenReady);
        await waitForEvents((events) => events.length > 0);
        await proxy.refuse();
        await page.evaluate(sendEvents, ["before 1", "before 2"]);
        await setQuota(page, url);
        await page.evaluate(sendEvents, ["after 1", "after 2"]);
        await page.evaluate(navigate, "/elsewhere");
        await page.waitForURL(/elsewhere/);
        await proxy.accept();
        await open("/next");
        assertStoredOnce(await allEvents(), ["before 1", "before 2", "after 1", "after 2"]);
      }),
      WITH_PROXY,
    ));

  test("the visitor clears the site's data between two calls", () =>
    withPage(
      pages(""),
      async ({ page, url, proxy, open, waitForEvents, allEvents }) => {
        await open();
        await page.evaluate(whenReady);
        await waitForEvents((events) => events.length > 0);
        proxy.nextFaults = [NO_RESPONSE];
        await page.evaluate(sendEvents, ["before"]);
        const session = await page.context().newCDPSession(page);
        await session.send("Storage.clearDataForOrigin", { origin: url, storageTypes: "all" });
        await page.evaluate(sendEvents, ["after"]);
        assertStoredOnce(await allEvents(page, 30_000), ["before", "after"]);
      },
      WITH_PROXY,
    ));

  test("cookies and storage are blocked by the visitor's settings", () =>
    withPage(
      pages(""),
      withProfile(async (fixture) => {
        await fixture.open("/elsewhere");
        assert.equal(await fixture.page.evaluate(() => ((document.cookie = "a=b"), document.cookie)), "");
        assert.notEqual(await fixture.page.evaluate(probeWrite), "written");
        await sendAcrossPages(fixture);
      }, STORAGE_BLOCKED),
      WITH_PROXY,
    ));

  test("1,100 calls while the collector is down: the newest 1,000 are sent, and the page is notified of 100 dropped ones", () =>
    withPage(
      pages(""),
      async ({ page, proxy, open, waitForEvents, allEvents }) => {
        await open();
        await page.evaluate(whenReady);
        await waitForEvents((events) => events.length > 0);
        // The page must have received the response for the landing, or the landing occupies a place in the queue.
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
        await waitForEvents((events) => events.some(({ params }) => params.name === "1099"), 30_000);
        assertStoredOnce(await allEvents(), names.slice(100));
      },
      WITH_PROXY,
    ));
});
