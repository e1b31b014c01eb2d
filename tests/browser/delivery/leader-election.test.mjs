// Several tabs of one shop elect a leader, which sends for all of them. When the leader is closed, another tab becomes the leader. Visitor
// and session are the same in all tabs.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ENGINES } from "../support/engines.mjs";
import { assertStoredOnce } from "../support/event-assertions.mjs";
import { delayedResponse } from "../support/faulty-proxy.mjs";
import { createFixture, PARALLEL, scriptTag } from "../support/fixture.mjs";

const withPage = createFixture();
const pages = (collector) => ({ "/": scriptTag(collector), "/elsewhere": "" });

/** mechanism of the election: the script that makes the page use it. */
const MECHANISMS = {
  "a lock": "",
  "a lease, because the browser has no locks": `Object.defineProperty(Navigator.prototype, "locks", { value: undefined });`,
  "a lease, because locks are denied": `LockManager.prototype.request = () => Promise.reject(new DOMException("", "SecurityError"));`,
  "a lease, because locks throw": `LockManager.prototype.request = () => { throw new DOMException("", "SecurityError"); };`,
};

/** Runs in the page: counts the batches that it sends. */
const COUNT_BATCHES = `window.batches = 0; const post = window.fetch;
  window.fetch = (...args) => ((window.batches += String(args[0]).endsWith("/v2/calls") ? 1 : 0), post(...args));`;

/** Opens a URL in a tab and returns the tab when its queue is empty. */
const openTab = async (page, url) => {
  await page.goto(url);
  await page.evaluate(() => window.tillroll.ready.then(() => window.tillroll.flush()));
  await page.evaluate(() => void (window.batches = 0));
  return page;
};

const openTabs = async ({ page, url }, script = "") => {
  await page.context().addInitScript(`{ ${COUNT_BATCHES} ${script} }`);
  return [await openTab(page, url), await openTab(await page.context().newPage(), url)];
};

const batchCount = (tab) => tab.evaluate(() => window.batches);
const sendEvents = (tab, ...names) => tab.evaluate((names) => names.forEach((name) => window.metrilo.customEvent(name)), names);
const haveNames = (...names) => (events) => names.every((name) => events.some(({ params }) => params.name === name));

describe("two tabs elect a leader by", PARALLEL, () => {
  for (const [mechanism, script] of Object.entries(MECHANISMS)) {
    test(`${mechanism}: one tab sends for both, and the other tab after that one is closed`, () =>
      withPage(pages, async (fixture) => {
        const [one, two] = await openTabs(fixture, script);
        await sendEvents(one, "one");
        await sendEvents(two, "two");
        await fixture.waitForEvents(haveNames("one", "two"));
        assert.deepEqual([(await batchCount(one)) > 0, await batchCount(two)], [true, 0]);
        await sendEvents(two, "three");
        await one.close({ runBeforeUnload: true });
        const events = await fixture.waitForEvents(haveNames("three"));
        await sendEvents(two, "four");
        assertStoredOnce(await fixture.waitForEvents(haveNames("four")), ["one", "two", "three", "four"]);
        assert.ok(events.every(({ session_id }) => session_id === events[0].session_id));
        assert.ok((await batchCount(two)) > 0);
      }));
  }

  test("a lock without BroadcastChannel: each tab sends its own events", () =>
    withPage(pages, async (fixture) => {
      const [one, two] = await openTabs(fixture, "delete window.BroadcastChannel;");
      await sendEvents(one, "one");
      await sendEvents(two, "two");
      assertStoredOnce(await fixture.waitForEvents(haveNames("one", "two"), 5_000), ["one", "two"]);
      assert.ok((await batchCount(two)) > 0);
    }));
});

/** Calls of both vendors in the head of a page and when it has loaded. */
const EARLY_CALLS = `<script>
  ometria.init("head");
  metrilo.customEvent("head metrilo");
  addEventListener("load", () => { metrilo.customEvent("load metrilo"); ometria.track("load ometria"); });
</script>`;

/** Less than a tab waits for the leader before it sends its own calls. */
const WITHOUT_TIMEOUT_MS = 10_000;

for (const [name, engine] of Object.entries(ENGINES)) {
  describe(`${name}, in a second tab`, () => {
    const withTabs = createFixture({ engine });

    test("calls are sent at once, whenever the page makes them", () =>
      withTabs(
        (collector) => ({ "/": scriptTag(collector), "/second": scriptTag(collector) + EARLY_CALLS }),
        async ({ page, url, open, waitForEvents }) => {
          await open();
          await page.evaluate(() => window.tillroll.ready.then(() => window.tillroll.flush()));
          const second = await page.context().newPage();
          await second.goto(`${url}/second`);
          const early = ["head metrilo", "load metrilo", "load ometria"];
          const events = await waitForEvents(haveNames(...early), WITHOUT_TIMEOUT_MS);
          assert.ok(events.some(({ params }) => params.page_type === "head"));
          await sendEvents(second, "later");
          assertStoredOnce(await waitForEvents(haveNames("later"), WITHOUT_TIMEOUT_MS), [...early, "later"]);
        },
      ));
  });
}

test("when the leader is closed during slow requests, no event is lost or duplicated and one request is in flight at a time", () =>
  withPage(
    pages,
    async (fixture) => {
      const [one, two] = await openTabs(fixture);
      const { proxy } = fixture;
      proxy.fault = delayedResponse(2_000);
      proxy.maxInFlight = proxy.inFlight = 0;
      await sendEvents(one, "a", "b");
      await sendEvents(two, "c", "d");
      await proxy.nextBatch();
      await sendEvents(one, "e");
      await sendEvents(two, "f");
      assert.equal(proxy.maxInFlight, 1);
      await one.close({ runBeforeUnload: true });
      await sendEvents(two, "g");
      assertStoredOnce(await fixture.waitForEvents(haveNames("a", "b", "c", "d", "e", "f", "g")), ["a", "b", "c", "d", "e", "f", "g"]);
    },
    { useProxy: true },
  ));

test("identify and reset in one tab apply to all tabs, in the same session", () =>
  withPage(pages, async (fixture) => {
    const [one, two] = await openTabs(fixture);
    await one.evaluate(() => window.metrilo.identify("johny@x.com"));
    await two.waitForFunction(() => document.cookie.includes("johny@x.com"));
    await sendEvents(two, "identified");
    await fixture.waitForEvents(haveNames("identified"));
    await two.evaluate(() => {
      const channel = new BroadcastChannel("tillroll-sh0p-t0k3n");
      window.resetReceived = new Promise((resolve) => (channel.onmessage = () => document.cookie.includes("johny@x.com") || (channel.close(), resolve())));
    });
    await one.evaluate(() => window.tillroll.reset());
    await two.evaluate(() => window.resetReceived);
    await sendEvents(two, "anonymous");
    const events = await fixture.waitForEvents(haveNames("anonymous"));
    const emailOf = (name) => events.find(({ params }) => params.name === name).email;
    assert.deepEqual([emailOf("identified"), emailOf("anonymous")], ["johny@x.com", null]);
    assert.equal(new Set(events.map(({ session_id }) => session_id)).size, 1);
    assert.equal(events.filter(({ type }) => type === "land").length, 1);
  }));

test("idle tabs send no messages, write nothing, set no timers and request nothing", () =>
  withPage(pages, async (fixture) => {
    const recordActivity = `window.lastActivity = performance.now();
      for (const [owner, name] of [[BroadcastChannel.prototype, "postMessage"], [IDBDatabase.prototype, "transaction"], [LockManager.prototype, "request"], [Storage.prototype, "setItem"], [window, "setTimeout"], [window, "setInterval"], [window, "fetch"]]) {
        const original = owner[name];
        owner[name] = function (...args) { window.lastActivity = performance.now(); return original.apply(this, args); };
      }`;
    const tabs = await openTabs(fixture, recordActivity);
    await Promise.all(tabs.map((tab) => sendEvents(tab, "something")));
    await fixture.waitForEvents((events) => events.filter(({ params }) => params.name === "something").length === 2);
    await Promise.all(tabs.map((tab) => tab.waitForFunction(() => performance.now() > window.lastActivity + 4_000)));
  }));
