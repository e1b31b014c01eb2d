// The npm package as an application installs it: importing it has no side effects, it works in Node's server-side rendering, and in a page it
// is the same library.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { before, describe, test } from "node:test";
import { brotliCompressSync } from "node:zlib";

import { TOKEN } from "../support/collector.mjs";
import { createFixture, PARALLEL } from "../support/fixture.mjs";

const withPage = createFixture();

const PACKAGE = new URL("../../../dist/npm/", import.meta.url);
const file = (name, type) => () => ({ type, body: readFileSync(new URL(name, PACKAGE)) });
const application = (script) => (collector) => ({
  "/": `<script type="module">import { start } from "./index.js"; const options = ${JSON.stringify({ token: TOKEN, collector })}; ${script}</script>`,
  "/index.js": file("index.js"),
  "/debug.js": file("debug.js"),
  "/core.wasm": file("core.wasm", "application/wasm"),
});

test("in Node all functions can be called and have no effect", async () => {
  const before = Object.keys(globalThis);
  const { start } = await import(new URL("index.js", PACKAGE));
  const options = { token: "t", collector: "https://collector.test/" };
  const { metrilo, ometria, ready, flush, consent, reset, on } = start(options);
  assert.equal(start(options), start(options));
  metrilo.viewProduct("1");
  metrilo.integrateForm({ formSelector: "form" });
  const basket = new ometria.Basket();
  basket.addLineItem("1", 2, 5);
  ometria.init("homepage");
  ometria.identify("a@x.com");
  ometria.setBasket(basket);
  ometria.basket.addLineItem("1", 2, 5);
  ometria.basket = basket;
  // The requests of all visitors share the object.
  assert.equal(ometria.basket.size, 0);
  assert.equal(ometria.getIdentity(), "");
  consent("denied");
  reset();
  on("sent", () => {});
  await Promise.all([ready, flush()]);
  assert.deepEqual(Object.keys(globalThis), before);
});

describe("metadata", () => {
  const manifest = JSON.parse(readFileSync(new URL("package.json", PACKAGE), "utf8"));
  const readme = readFileSync(new URL("README.md", PACKAGE), "utf8");
  let start;
  before(async () => ({ start } = await import(new URL("index.js", PACKAGE))));

  test("the manifest describes the package completely", () => {
    const { name, version, description, keywords, homepage, repository, bugs, license, type, sideEffects, engines } = manifest;
    assert.equal(name, "tillroll");
    assert.match(version, /^\d+\.\d+\.\d+/);
    assert.notEqual(version, "0.0.0", "the build replaces the placeholder");
    assert.equal(version, start({}).version);
    assert.ok(description.length > 40);
    assert.ok(keywords.length >= 5 && keywords.every((keyword) => /^[a-z0-9-]+$/.test(keyword)));
    assert.match(homepage, /^https:\/\//);
    assert.match(bugs, /^https:\/\/.*\/issues$/);
    assert.equal(repository.type, "git");
    assert.match(repository.url, /^git\+https:\/\/.*\.git$/);
    assert.equal(license, "(MIT OR Apache-2.0)");
    assert.equal(type, "module");
    assert.equal(sideEffects, false);
    assert.ok(engines.node);
  });

  test("every file of the build is published, and every named file exists", () => {
    const { files, main, types, exports } = manifest;
    const pattern = (glob) => new RegExp(`^${glob.replaceAll(".", "\\.").replace("*", ".*")}$`);
    // npm adds these three by itself.
    const published = [/^package\.json$/, /^README\.md$/, /^LICENSE$/, ...files.map(pattern)];
    const built = readdirSync(PACKAGE);
    assert.deepEqual(built.filter((name) => !published.some((allowed) => allowed.test(name))), []);
    assert.deepEqual(files.filter((glob) => !built.some((name) => pattern(glob).test(name))), []);
    const named = [main, types, ...Object.values(exports).flatMap((entry) => (typeof entry === "string" ? entry : Object.values(entry)))];
    assert.deepEqual(named.filter((path) => !existsSync(new URL(path, PACKAGE))), []);
  });

  test("a page downloads no more of it than of the script tag", () => {
    const size = (url) => brotliCompressSync(readFileSync(url)).length;
    const sum = (urls) => urls.map(size).reduce((total, bytes) => total + bytes);
    const dist = new URL("../", PACKAGE);
    const cores = readdirSync(new URL("assets/", dist)).filter((name) => /^core-.*\.(js|wasm)$/.test(name));
    const ofScriptTag = sum(["tracking.js", ...cores.map((name) => `assets/${name}`)].map((name) => new URL(name, dist)));
    const ofPackage = sum(["index.js", "core.wasm"].map((name) => new URL(name, PACKAGE)));
    assert.ok(ofPackage <= ofScriptTag, `${ofPackage} bytes, the script tag has ${ofScriptTag}`);
  });

  test("the readme is the one of the package, without links that end outside a checkout", () => {
    assert.match(readme, /^# tillroll\n/);
    assert.match(readme, /npm install tillroll/);
    assert.deepEqual(readme.match(/\]\((?!https:)[^)]*\)/g), null);
  });
});

describe("in a page", PARALLEL, () => {
  test("importing it has no side effects", () =>
    withPage(application("window.imported = Object.keys(options);"), async ({ page, collector, open }) => {
      const requests = [];
      page.on("request", (request) => requests.push(request.url()));
      await open();
      await page.waitForFunction(() => window.imported);
      assert.deepEqual(requests.filter((url) => url.startsWith(collector.url) || url.includes("wasm")), []);
      assert.deepEqual(await page.evaluate(() => [document.cookie, localStorage.length, typeof window.metrilo, typeof window.ometria]), ["", 0, "undefined", "undefined"]);
    }));

  test("both vendors' objects send events of the same visitor", () =>
    withPage(
      application(`window.tracker = start(options); tracker.ometria.init("homepage"); tracker.ometria.identify("a@x.com"); tracker.metrilo.viewProduct(1);`),
      async ({ page, open, waitForEvents }) => {
        await open();
        await page.waitForFunction(() => window.tracker);
        const events = await waitForEvents((events) => events.some(({ type }) => type === "product_view"));
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

  /** title: the options in place of the right ones, the reason of the report, and the line of the console, which is the error of `ready` too. */
  const FAILED_STARTS = {
    "a token": [{ token: undefined }, "no_token", "requires `token` and `collector`"],
    "a collector": [{ collector: undefined }, "no_collector", "requires `token` and `collector`"],
    "a scheme of the collector": [{ collector: "collector.example.com:8443" }, "no_collector", 'requires a `collector` that begins with https:// or /, not "collector.example.com:8443"'],
  };

  for (const [title, [wrong, reason, text]] of Object.entries(FAILED_STARTS)) {
    const line = `tillroll: start() ${text}`;
    test(`a start without ${title} leaves the page intact and is reported, and the next one starts the tracker`, () =>
      withPage(
        application(`
          const { metrilo, ometria, ready, flush, on } = start({ ...options, ...${JSON.stringify(wrong, (_, value) => value ?? null)} });
          metrilo.viewProduct(1);
          ometria.setBasket(null);
          on("sent", () => (window.sent = true));
          on("error", () => { throw new Error("of a listener"); });
          on("error", (report) => (window.report = report));
          const tracker = start(options);
          tracker.metrilo.viewProduct(2);
          flush().then(() => ready).catch((error) => (window.result = [error instanceof Error, error.message, start(options) === tracker, start({}) === tracker]));
        `),
        async ({ page, open, waitForEvents }) => {
          await open();
          await page.waitForFunction(() => window.result);
          assert.deepEqual(await page.evaluate(() => window.report), { name: "error", count: 0, reason, field: "", answer: "" });
          assert.deepEqual(await page.evaluate(() => window.result), [true, line, true, true]);
          const events = await waitForEvents((events) => events.length > 1);
          assert.deepEqual(events.map(({ type, params }) => [type, params.product_id]), [["land", undefined], ["product_view", "2"]]);
          assert.deepEqual([page.errors.splice(0), await page.evaluate(() => window.sent)], [[line], undefined]);
        },
      ));
  }

  test("a collector may be a path of the shop, or an address without a scheme", () =>
    withPage(
      application(`
        const collector = [options.collector.replace(/^http:/i, "HTTP:"), options.collector.replace("http:", ""), "/t/"][location.hash.slice(1)];
        window.tracker = start({ ...options, collector });
        tracker.metrilo.viewProduct(collector);
      `),
      async ({ page, open, waitForEvents }) => {
        for (const at of [0, 1]) {
          await open(`/?at=${at}#${at}`);
          await waitForEvents((events) => events.filter(({ type }) => type === "product_view").length > at);
        }
        const request = page.waitForRequest("**/t/v2/calls");
        await open("/?at=2#2");
        await request;
      },
      { allowedErrors: /404/ },
    ));

  test("the debug panel loads from the package", () =>
    withPage(application("start(options);"), async ({ page, open }) => {
      await open("/#om_debug");
      await page.getByText("NEW COOKIE ID").waitFor();
    }));
});
