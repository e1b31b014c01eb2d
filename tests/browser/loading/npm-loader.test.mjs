// `tillroll/loader` in an application whose bundler makes one classic script and emits no other file.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, test } from "node:test";
import { brotliCompressSync } from "node:zlib";

import { buildSync } from "esbuild";

import { TOKEN } from "../support/collector.mjs";
import { ENGINES } from "../support/engines.mjs";
import { createFixture, PARALLEL } from "../support/fixture.mjs";

const PACKAGE = new URL("../../../dist/npm/", import.meta.url);
const path = (name) => fileURLToPath(new URL(name, PACKAGE));
const WASM = "/static/core.wasm";
const SIBLINGS = ["fallback.js", "debug.js", "views.js"];

const bundle = (call) =>
  buildSync({
    stdin: { contents: `import { start } from "tillroll/loader"; ${call}` },
    alias: { "tillroll/loader": path("loader.js") },
    bundle: true,
    format: "iife",
    minify: true,
    write: false,
    metafile: true,
    logLevel: "silent",
  });

const file = (name, type) => () => ({ type, body: readFileSync(path(name)) });

/** The pages of an application that calls `start` with `options` and then runs `script`; `policy` is its content security policy. */
const application = (script, { options = {}, policy } = {}) => (collector) => {
  const app = bundle(`const tracker = start(${JSON.stringify({ token: TOKEN, collector, wasm: WASM, ...options })}); ${script}`);
  const html = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>Shop</title><script src="/app.js" defer></script>';
  const headers = policy ? { "content-security-policy": policy } : {};
  return {
    "/": () => ({ type: "text/html", body: html, headers }),
    "/app.js": app.outputFiles[0].text,
    [WASM]: file("core.wasm", "application/wasm"),
    ...Object.fromEntries(SIBLINGS.map((name) => [`/static/${name}`, file(name, "text/javascript")])),
  };
};

const filesOf = (page) => page.evaluate(() => performance.getEntriesByType("resource").flatMap(({ name }) => /static\/(.*)$/.exec(name)?.[1] ?? []));

test("the bundle is one script, and nothing of the package is in it but the loader", () => {
  const { outputFiles, warnings, metafile } = bundle("window.start = start;");
  assert.equal(outputFiles.length, 1);
  assert.deepEqual(warnings, []);
  assert.equal(Object.keys(metafile.inputs).filter((name) => name.includes("dist/npm")).join(), "dist/npm/loader.js");
  const size = (name) => brotliCompressSync(readFileSync(path(name))).length;
  assert.ok(size("loader.js") < size("index.js") + 200, `${size("loader.js")} bytes, the entry for other bundlers has ${size("index.js")}`);
});

test("in Node all functions can be called and have no effect", async () => {
  const { start } = await import(new URL("loader.js", PACKAGE));
  await start({ token: "t", collector: "https://collector.test/", wasm: WASM }).flush();
});

for (const [name, engine] of Object.entries(ENGINES))
  describe(name, PARALLEL, () => {
    const withPage = createFixture({ engine });

    test("calls are stored, and the page loads the core from its address and nothing else", () =>
      withPage(application(`tracker.metrilo.viewProduct(1);`), async ({ page, open, waitForEvents }) => {
        await open();
        await waitForEvents((events) => events.some(({ type }) => type === "product_view"));
        assert.deepEqual(await filesOf(page), ["core.wasm"]);
      }));
  });

describe("files beside the core", PARALLEL, () => {
  const withPage = createFixture();

  test("a page that may not run WebAssembly loads the core as JavaScript", () =>
    withPage(
      application(`tracker.metrilo.viewProduct(1);`, { policy: "script-src 'self'" }),
      async ({ page, open, waitForEvents }) => {
        await open();
        await waitForEvents((events) => events.some(({ type }) => type === "product_view"));
        assert.ok((await filesOf(page)).includes("fallback.js"));
      },
      { allowedErrors: /WebAssembly|Content Security Policy/ },
    ));

  test("automatic page views and the debug panel load where they are used", () =>
    withPage(application("", { options: { pageViews: "auto" } }), async ({ page, open, waitForEvents }) => {
      await open("/#om_debug");
      await waitForEvents((events) => events.some(({ type }) => type === "page_view"));
      await page.getByText("NEW COOKIE ID").waitFor();
      assert.deepEqual((await filesOf(page)).sort(), ["core.wasm", "debug.js", "views.js"]);
    }));

  for (const wasm of [undefined, "https://["])
    test(`with ${wasm} as the address of the core, start reports the option and throws nothing`, () =>
      withPage(
        application(`tracker.on("error", (report) => tracker.ready.catch(({ message }) => (window.result = [report.reason, message])));`, { options: { wasm } }),
        async ({ page, open }) => {
          await open();
          await page.waitForFunction(() => window.result);
          const line = "tillroll: start() requires `wasm`, the address of core.wasm";
          assert.deepEqual(await page.evaluate(() => window.result), ["no_wasm", line]);
          assert.deepEqual(page.errors.splice(0), [line]);
        },
      ));
});
