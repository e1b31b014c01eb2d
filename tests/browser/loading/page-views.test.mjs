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
const back = `new Promise((done) => { addEventListener("popstate", done, { once: true }); history.back(); }).then(() => true)`;

/** title: the mode, steps that are evaluated one after the other, each once the views before are stored, and the paths that are viewed. */
const CASES = {
  "the first load": ["auto", [], ["/"]],
  "a push and a step back": ["auto", [push("/a"), back], ["/", "/a", "/"]],
  "a redirect of a router": ["auto", [`${push("/a")}, ${replace("/b")}`], ["/", "/b"]],
  "the same address pushed twice": ["auto", [`${push("/a")}, ${push("/a")}`, push("/a")], ["/", "/a"]],
  "another query": ["auto", [push("/a?page=2"), push("/a?page=3")], ["/", "/a?page=2", "/a?page=3"]],
  "a query that is replaced again and again": ["auto", [REPLACE_OFTEN], ["/"]],
  "a fragment": ["auto", [push("/#/a")], ["/"]],
  "a fragment of hash routes": ["hash", [push("/#/a"), `void (location.hash = "/b")`], ["/", "/#/a", "/#/b"]],
  "no mode that the library has": ["no", [], []],
};

/** Runs in the page: resolves once an address would have been viewed. */
const settled = "new Promise((done) => setTimeout(done, 300)).then(() => true)";

for (const [name, engine] of Object.entries(ENGINES)) {
  describe(`${name}, automatic page views`, PARALLEL, () => {
    const withPage = createFixture({ engine });

    for (const [title, [mode, steps, expected]] of Object.entries(CASES)) {
      test(title, () =>
        withPage(
          (collector) => ({ "/": scriptTag(collector, `data-page-views="${mode}"`) }),
          async ({ page, url, open, allEvents, waitForEvents }) => {
            await open();
            await page.evaluate("window.tillroll.ready.then(() => true)");
            // The file that makes the first view loads after the core; a busy browser may need longer than an address to settle.
            if (expected.length) await waitForEvents((events) => events.some(({ type }) => type === "page_view"));
            else await page.evaluate(settled);
            for (const step of steps) {
              await page.evaluate(step);
              await page.evaluate(settled);
            }
            const views = (await allEvents()).filter(({ type }) => type === "page_view");
            assert.deepEqual(views.map(({ params }) => params.url.slice(url.length)), expected);
            assert.ok(views.every(({ params, api }) => params.name === "Shop" && api === "metrilo"));
          },
        ));
    }

    test("a page that the browser restores", () =>
      withPage(
        (collector) => ({ "/": scriptTag(collector, `data-page-views="auto"`), "/empty": "" }),
        async ({ page, url, open, allEvents, waitForEvents }) => {
          await open();
          await waitForEvents((events) => events.some(({ type }) => type === "page_view"));
          await open("/empty");
          await page.evaluate("void setTimeout(() => history.back())");
          await page.waitForFunction("window.tillroll && window.tillroll.ready.then(() => true)");
          await page.evaluate(settled);
          const views = (await allEvents()).filter(({ type }) => type === "page_view");
          assert.deepEqual(views.map(({ params }) => params.url), [`${url}/`, `${url}/`]);
        },
      ));

    test("of the npm package", () => {
      const file = (name, type) => () => ({ type, body: readFileSync(new URL(`../../../dist/npm/${name}`, import.meta.url)) });
      return withPage(
        (collector) => ({
          "/": `<script type="module">import { start } from "./index.js"; window.tillroll = start(${JSON.stringify({ token: TOKEN, collector, pageViews: "auto" })}); window.metrilo = tillroll.metrilo;</script>`,
          "/index.js": file("index.js"),
          "/views.js": file("views.js"),
          "/core.wasm": file("core.wasm", "application/wasm"),
        }),
        async ({ page, open, allEvents }) => {
          await open();
          await page.waitForFunction(() => window.tillroll);
          await page.evaluate("window.tillroll.ready.then(() => true)");
          await page.evaluate(settled);
          assert.equal((await allEvents()).filter(({ type }) => type === "page_view").length, 1);
        },
      );
    });
  });
}
