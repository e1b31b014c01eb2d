// Several tabs of one shop: one of them sends for all, whichever way the browser offers to agree on which; when it goes another takes over;
// visitor and visit are the same in all.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { assertOnce } from "../support/event-assertions.mjs";
import { slow } from "../support/faulty-proxy.mjs";
import { AT_ONCE, scriptTag, stage } from "../support/fixture.mjs";

const play = stage();
const pages = (collector) => ({ "/": scriptTag(collector), "/elsewhere": "" });

/** way: how tabs agree, and the script that leaves them no better one. */
const WAYS = {
  "a lock": "",
  "a lease, because there are no locks": `Object.defineProperty(Navigator.prototype, "locks", { value: undefined });`,
  "a lease, because locks are denied": `LockManager.prototype.request = () => Promise.reject(new DOMException("", "SecurityError"));`,
  "a lease, because locks throw": `LockManager.prototype.request = () => { throw new DOMException("", "SecurityError"); };`,
};

/** In the page: counts its requests. */
const COUNT = `window.batches = 0; const post = window.fetch;
  window.fetch = (...args) => ((window.batches += String(args[0]).endsWith("/v2/batch") ? 1 : 0), post(...args));`;

/** Opens one more tab, and returns it when it is at rest. */
const openTab = async (page, url) => {
  await page.goto(url);
  await page.evaluate(() => window.tillroll.ready.then(() => window.tillroll.flush()));
  await page.evaluate(() => void (window.batches = 0));
  return page;
};

const openTabs = async ({ page, url }, script = "") => {
  await page.context().addInitScript(`{ ${COUNT} ${script} }`);
  return [await openTab(page, url), await openTab(await page.context().newPage(), url)];
};

const batches = (tab) => tab.evaluate(() => window.batches);
const call = (tab, ...names) => tab.evaluate((names) => names.forEach((name) => window.metrilo.customEvent(name)), names);
const has = (...names) => (events) => names.every((name) => events.some(({ params }) => params.name === name));

describe("two tabs agree by", AT_ONCE, () => {
  for (const [way, script] of Object.entries(WAYS)) {
    test(`${way}: one sends for both, and the other when that is gone`, () =>
      play(pages, async (scene) => {
        const [one, two] = await openTabs(scene, script);
        await call(one, "one");
        await call(two, "two");
        await scene.stored(has("one", "two"));
        assert.deepEqual([(await batches(one)) > 0, await batches(two)], [true, 0]);
        await call(two, "three");
        await one.close({ runBeforeUnload: true });
        const events = await scene.stored(has("three"));
        await call(two, "four");
        assertOnce(await scene.stored(has("four")), ["one", "two", "three", "four"]);
        assert.ok(events.every(({ session_id }) => session_id === events[0].session_id));
        assert.ok((await batches(two)) > 0);
      }));
  }

  test("a lock, and a browser where tabs cannot speak to each other sends from each", () =>
    play(pages, async (scene) => {
      const [one, two] = await openTabs(scene, "delete window.BroadcastChannel;");
      await call(one, "one");
      await call(two, "two");
      assertOnce(await scene.stored(has("one", "two"), 5_000), ["one", "two"]);
      assert.ok((await batches(two)) > 0);
    }));
});

test("two tabs and a slow collector, and one is closed: nothing is lost, nothing twice, one request at a time", () =>
  play(
    pages,
    async (scene) => {
      const [one, two] = await openTabs(scene);
      const { proxy } = scene;
      proxy.fault = slow(2_000);
      proxy.most = proxy.underWay = 0;
      await call(one, "a", "b");
      await call(two, "c", "d");
      await proxy.arrival();
      await call(one, "e");
      await call(two, "f");
      assert.equal(proxy.most, 1);
      await one.close({ runBeforeUnload: true });
      await call(two, "g");
      assertOnce(await scene.stored(has("a", "b", "c", "d", "e", "f", "g")), ["a", "b", "c", "d", "e", "f", "g"]);
    },
    { proxied: true },
  ));

test("visitor and visit are the same in all tabs", () =>
  play(pages, async (scene) => {
    const [one, two] = await openTabs(scene);
    await one.evaluate(() => window.metrilo.identify("johny@x.com"));
    await two.waitForFunction(() => document.cookie.includes("johny@x.com"));
    await call(two, "known");
    await scene.stored(has("known"));
    await two.evaluate(() => {
      const ear = new BroadcastChannel("tillroll");
      window.heard = new Promise((heard) => (ear.onmessage = () => document.cookie.includes("johny@x.com") || (ear.close(), heard())));
    });
    await one.evaluate(() => window.tillroll.reset());
    await two.evaluate(() => window.heard);
    await call(two, "a stranger");
    const events = await scene.stored(has("a stranger"));
    const email = (name) => events.find(({ params }) => params.name === name).email;
    assert.deepEqual([email("known"), email("a stranger")], ["johny@x.com", null]);
    assert.equal(new Set(events.map(({ session_id }) => session_id)).size, 1);
    assert.equal(events.filter(({ type }) => type === "land").length, 1);
  }));

test("tabs come to rest: they say nothing, write nothing and ask for nothing", () =>
  play(pages, async (scene) => {
    const watch = `window.latest = performance.now();
      for (const [of, name] of [[BroadcastChannel.prototype, "postMessage"], [IDBDatabase.prototype, "transaction"], [LockManager.prototype, "request"], [Storage.prototype, "setItem"], [window, "setTimeout"], [window, "setInterval"], [window, "fetch"]]) {
        const real = of[name];
        of[name] = function (...args) { window.latest = performance.now(); return real.apply(this, args); };
      }`;
    const tabs = await openTabs(scene, watch);
    await Promise.all(tabs.map((tab) => call(tab, "something")));
    await scene.stored((events) => events.filter(({ params }) => params.name === "something").length === 2);
    await Promise.all(tabs.map((tab) => tab.waitForFunction(() => performance.now() > window.latest + 4_000)));
  }));
