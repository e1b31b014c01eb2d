// `tillroll/react` and `tillroll/vue` in applications with a router, bundled as applications bundle them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, test } from "node:test";

import { buildSync } from "esbuild";
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { createSSRApp, h } from "vue";
import { renderToString as renderVue } from "vue/server-renderer";

import { TOKEN } from "../support/collector.mjs";
import { createFixture, PARALLEL } from "../support/fixture.mjs";

const ROOT = new URL("../../../", import.meta.url);
const PACKAGE = new URL("dist/npm/", ROOT);
const path = (name, base = ROOT) => fileURLToPath(new URL(name, base));

const bundle = (name) =>
  buildSync({
    entryPoints: [path(`tests/browser/frameworks/${name}.mjs`)],
    alias: { "tillroll/react": path("react.js", PACKAGE), "tillroll/vue": path("vue.js", PACKAGE) },
    bundle: true,
    format: "esm",
    write: false,
    logLevel: "error",
    external: ["./fallback.js", "./debug*", "./replay*"],
    // The development build of React, in which StrictMode runs effects twice.
    define: { "process.env.NODE_ENV": '"development"', __VUE_OPTIONS_API__: "true", __VUE_PROD_DEVTOOLS__: "false", __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false" },
  }).outputFiles[0].text;

const pages = (script) => (collector) => {
  const html = `<div id="root"></div><script>window.trackerOptions = ${JSON.stringify({ token: TOKEN, collector })}</script><script type="module" src="/app.js"></script>`;
  const wasm = () => ({ type: "application/wasm", body: readFileSync(new URL("core.wasm", PACKAGE)) });
  return { "/": html, "/product": html, "/app.js": script, "/core.wasm": wasm };
};

const withPage = createFixture();
const addresses = (events) => events.filter(({ type }) => type === "page_view").map(({ params }) => params.url.replace(/^https?:\/\/[^/]*/, ""));

describe("page views and calls", PARALLEL, () => {
  for (const framework of ["react", "vue"])
    test(`${framework}: each navigation is one page view, and components use the tracker`, () =>
      withPage(pages(bundle(`${framework}-app`)), async ({ page, open, waitForEvents }) => {
        const waitForView = (address) => waitForEvents((events) => addresses(events).at(-1) === address);
        await open();
        await waitForView("/");
        await page.getByText("Product", { exact: true }).click();
        await page.getByText("Add to basket").click();
        await waitForView("/product");
        await page.getByText("Reviews").click();
        await page.goBack();
        await page.goBack();
        await waitForView("/");
        await page.getByText("Old").click();
        await waitForView("/product?from=old");
        // Calls are stored in their order: with the last call, all page views are.
        await page.getByText("Add to basket").click();
        const isAdded = ({ type, params }) => type === "basket_add" && params.product_id === "312" && params.quantity === 2;
        const events = await waitForEvents((events) => events.filter(isAdded).length === 2);
        assert.deepEqual(addresses(events), ["/", "/product", "/", "/product?from=old"]);
      }));
});

test("react: server rendering has no effect, and a component without a provider gets an error that names it", async () => {
  const { TillrollProvider, usePageViews, useTillroll } = await import(new URL("react.js", PACKAGE));
  const Page = () => (usePageViews("/"), createElement("p", null, typeof useTillroll().metrilo.viewProduct));
  const options = { token: "t", collector: "https://collector.test/" };
  assert.equal(renderToString(createElement(TillrollProvider, { options }, createElement(Page))), "<p>function</p>");
  assert.throws(() => renderToString(createElement(Page)), /needs a <TillrollProvider>/);
});

test("vue: server rendering has no effect, and a component without the plugin gets an error that names it", async () => {
  const { createTillroll, useTillroll } = await import(new URL("vue.js", PACKAGE));
  const Page = {
    setup() {
      const { metrilo } = useTillroll();
      return () => h("p", typeof metrilo.viewProduct);
    },
  };
  const plugin = createTillroll({ token: "t", collector: "https://collector.test/" });
  assert.equal(await renderVue(createSSRApp(Page).use(plugin)), "<p>function</p>");
  await assert.rejects(renderVue(createSSRApp(Page)), /needs app\.use\(createTillroll\(options\)\)/);
});
