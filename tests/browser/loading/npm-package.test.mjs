// The npm package as an application installs it: importing it does nothing, Node can render with it, and in a page it is the same library.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { TOKEN } from "../support/collector.mjs";
import { AT_ONCE, stage } from "../support/fixture.mjs";

const play = stage();

const PACKAGE = new URL("../../../dist/npm/", import.meta.url);
const file = (name, type) => () => ({ type, body: readFileSync(new URL(name, PACKAGE)) });
const application = (script) => (collector) => ({
  "/": `<script type="module">import { start } from "./index.js"; const options = ${JSON.stringify({ token: TOKEN, collector })}; ${script}</script>`,
  "/index.js": file("index.js"),
  "/debug.js": file("debug.js"),
  "/core.wasm": file("core.wasm", "application/wasm"),
});

test("under Node everything can be called and nothing happens", async () => {
  const before = Object.keys(globalThis);
  const { start } = await import(new URL("index.js", PACKAGE));
  const { metrilo, ometria, ready, flush, consent, reset, on } = start({ token: "t", collector: "https://collector.test/" });
  metrilo.viewProduct("1");
  metrilo.integrateForm({ formSelector: "form" });
  const basket = new ometria.Basket();
  basket.addLineItem("1", 2, 5);
  ometria.init("homepage");
  ometria.identify("a@x.com");
  ometria.setBasket(basket);
  assert.equal(ometria.basket.size, 2);
  assert.equal(ometria.getIdentity(), "");
  consent("denied");
  reset();
  on("sent", () => {});
  await Promise.all([ready, flush()]);
  assert.deepEqual(Object.keys(globalThis), before);
});

describe("in a page", AT_ONCE, () => {
  test("importing it does nothing at all", () =>
    play(application("window.imported = Object.keys(options);"), async ({ page, collector, open }) => {
      const asked = [];
      page.on("request", (request) => asked.push(request.url()));
      await open();
      await page.waitForFunction(() => window.imported);
      assert.deepEqual(asked.filter((url) => url.startsWith(collector.url) || url.includes("wasm")), []);
      assert.deepEqual(await page.evaluate(() => [document.cookie, localStorage.length, typeof window.metrilo, typeof window.ometria]), ["", 0, "undefined", "undefined"]);
    }));

  test("both vendors' words are there, and speak of one visitor", () =>
    play(
      application(`window.tracker = start(options); tracker.ometria.init("homepage"); tracker.ometria.identify("a@x.com"); tracker.metrilo.viewProduct(1);`),
      async ({ page, open, stored }) => {
        await open();
        await page.waitForFunction(() => window.tracker);
        const events = await stored((events) => events.some(({ type }) => type === "product_view"));
        assert.deepEqual(events.map(({ type, api, email }) => [type, api, email]), [
          ["land", "tillroll", "a@x.com"],
          ["page_view", "ometria", "a@x.com"],
          ["identify", "ometria", "a@x.com"],
          ["product_view", "metrilo", "a@x.com"],
        ]);
        await page.evaluate(() => window.tracker.flush());
        assert.equal(await page.evaluate(() => window.tracker.ometria.getIdentity()), "a@x.com");
      },
    ));

  test("the debug window comes from the package", () =>
    play(application("start(options);"), async ({ page, open }) => {
      await open("/#om_debug");
      await page.getByText("NEW COOKIE ID").waitFor();
    }));
});
