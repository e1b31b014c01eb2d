// Automatic page views: one for each view that a visitor has, whatever a router does to the address meanwhile.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { TOKEN } from "../support/collector.mjs";
import { ENGINES } from "../support/engines.mjs";
import { createFixture, PARALLEL, scriptTag } from "../support/fixture.mjs";

/** Runs in the page: replaces the address 20 times within 200 ms, as scripts do that save the position. */
const REPLACE_OFTEN = `new Promise((done) => { let n = 0; const timer = setInterval(() => { history.replaceState(null, "", "?at=" + n); if (++n > 20) done(clearInterval(timer)); }, 10); })`;
const push = (url) => `void history.pushState(null, "", ${JSON.stringify(url)})`;
const replace = (url) => `void history.replaceState(null, "", ${JSON.stringify(url)})`;
/** Runs in the page: resolves once the library has the event that the browser dispatches later, because its listener is the first. */
const after = (event, change) => `new Promise((done) => { addEventListener("${event}", done, { once: true }); ${change}; }).then(() => true)`;
const back = after("popstate", "history.back()");

/** title: the mode, steps that are evaluated one after the other, each once the address before has settled, and the paths that are viewed. */
const CASES = {
  "the first load": ["auto", [], ["/"]],
  "a push and a step back": ["auto", [push("/a"), back], ["/", "/a", "/"]],
  "a redirect of a router": ["auto", [`${push("/a")}, ${replace("/b")}`], ["/", "/b"]],
  "the same address pushed twice": ["auto", [`${push("/a")}, ${push("/a")}`, push("/a")], ["/", "/a"]],
  "another query": ["auto", [push("/a?page=2"), push("/a?page=3")], ["/", "/a?page=2", "/a?page=3"]],
  "a query that is replaced again and again": ["auto", [REPLACE_OFTEN], ["/"]],
  "a fragment": ["auto", [push("/#/a")], ["/"]],
  "a fragment of hash routes": ["hash", [push("/#/a"), after("hashchange", 'location.hash = "/b"')], ["/", "/#/a", "/#/b"]],
  "no mode that the library has": ["no", [], []],
};

/** How long the library waits until an address counts, in milliseconds. */
const [, SETTLE_MS] = /const SETTLE_MS = (\d+)/.exec(readFileSync(new URL("../../../js/facades/page-views.js", import.meta.url), "utf8"));

/** Runs in the page, before the library: `settled()` resolves when no timer of that delay is pending, to the number of those that were set. */
const watchTimers = (settleMs) => {
  const { setTimeout, clearTimeout } = window;
  const pending = new Set();
  const waiting = [];
  let count = 0;
  const check = () => pending.size || waiting.splice(0).forEach((resolve) => resolve(count));
  const remove = (id) => {
    pending.delete(id);
    // Behind the present task of the library, which may set the next timer.
    queueMicrotask(check);
  };
  window.setTimeout = (run, delay, ...args) => {
    const id = setTimeout(() => (run(...args), remove(id)), delay);
    if (delay === settleMs) {
      pending.add(id);
      count++;
    }
    return id;
  };
  window.clearTimeout = (id) => (clearTimeout(id), remove(id));
  window.settled = () => new Promise((resolve) => (waiting.push(resolve), check()));
};
const WATCH_TIMERS = `<script>(${watchTimers})(${SETTLE_MS})</script>`;

/** Waits until the page has viewed its address, if it is one to view. */
const settle = async (page) => assert.ok((await page.evaluate("window.settled()")) > 0, `the library has set no timer of ${SETTLE_MS} ms`);

/** Runs in the page: resolves to true once the file of automatic page views has run, to false before the library has requested it. */
const hasLoadedViews = `(() => { const file = performance.getEntriesByType("resource").find(({ name }) => name.includes("/views-")); return file ? import(file.name).then(() => true) : false; })()`;

const isView = ({ type }) => type === "page_view";

for (const [name, engine] of Object.entries(ENGINES)) {
  describe(`${name}, automatic page views`, PARALLEL, () => {
    const withPage = createFixture({ engine });

    for (const [title, [mode, steps, expected]] of Object.entries(CASES)) {
      test(title, () =>
        withPage(
          (collector) => ({ "/": WATCH_TIMERS + scriptTag(collector, `data-page-views="${mode}"`) }),
          async ({ page, url, open, allEvents, waitForEvents }) => {
            await open();
            await page.evaluate("window.tillroll.ready.then(() => true)");
            // The file that makes the first view loads after the core; a busy browser may need longer than an address to settle.
            if (expected.length) await waitForEvents((events) => events.some(isView));
            else await page.waitForFunction(hasLoadedViews);
            for (const step of steps) {
              await page.evaluate(step);
              await settle(page);
            }
            if (!expected.length) assert.equal(await page.evaluate("window.settled()"), 0);
            const views = (await allEvents()).filter(isView);
            assert.deepEqual(views.map(({ params }) => params.url.slice(url.length)), expected);
            assert.ok(views.every(({ params, api }) => params.name === "Shop" && api === "metrilo"));
          },
        ));
    }

    test("a page that the browser restores", () =>
      withPage(
        (collector) => ({ "/": WATCH_TIMERS + scriptTag(collector, `data-page-views="auto"`), "/empty": "" }),
        async ({ page, url, open, allEvents, waitForEvents }) => {
          await open();
          await waitForEvents((events) => events.some(isView));
          await open("/empty");
          await page.evaluate("void setTimeout(() => history.back())");
          await page.waitForFunction("window.tillroll && window.tillroll.ready.then(() => true)");
          await waitForEvents((events) => events.filter(isView).length > 1);
          await settle(page);
          const views = (await allEvents()).filter(isView);
          assert.deepEqual(views.map(({ params }) => params.url), [`${url}/`, `${url}/`]);
        },
      ));

    test("of the npm package", () => {
      const file = (name, type) => () => ({ type, body: readFileSync(new URL(`../../../dist/npm/${name}`, import.meta.url)) });
      return withPage(
        (collector) => ({
          "/": `${WATCH_TIMERS}<script type="module">import { start } from "./index.js"; window.tillroll = start(${JSON.stringify({ token: TOKEN, collector, pageViews: "auto" })}); window.metrilo = tillroll.metrilo;</script>`,
          "/index.js": file("index.js"),
          "/views.js": file("views.js"),
          "/core.wasm": file("core.wasm", "application/wasm"),
        }),
        async ({ page, open, allEvents, waitForEvents }) => {
          await open();
          await page.waitForFunction(() => window.tillroll);
          await page.evaluate("window.tillroll.ready.then(() => true)");
          await waitForEvents((events) => events.some(isView));
          await settle(page);
          assert.equal((await allEvents()).filter(isView).length, 1);
        },
      );
    });
  });
}
