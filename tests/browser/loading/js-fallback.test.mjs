// WebAssembly is blocked by a policy, missing, or fails to load: the page loads the same core as JavaScript and stores the same events. Where
// WebAssembly works, the page does not download the JavaScript core.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { TOKEN } from "../support/collector.mjs";
import { callFields, createFixture, PARALLEL, persistedCount, scriptTag } from "../support/fixture.mjs";

const withPage = createFixture();

/** Every method, with non-ASCII strings, numbers and lists. */
const CALLS = `
  metrilo.viewPage("https://shop.test/", { name: "Hôme ☂ 😀" });
  metrilo.viewCategory(7);
  metrilo.viewArticle("a1", { name: "News" });
  metrilo.viewProduct(2);
  metrilo.search("red \\"shoe\\"", "https://shop.test/?q=red");
  metrilo.addToCart("2", 3);
  metrilo.removeFromCart("2", "1");
  metrilo.checkout();
  metrilo.identify("johny@x.com");
  metrilo.customerDetails({ firstName: "Johny", subscribed: true });
  metrilo.applyTags(["new", "förster"]);
  metrilo.customEvent("seen");
  metrilo.event("old");
`;

const CALLED = [
  ["page_view", { url: "https://shop.test/", name: "Hôme ☂ 😀" }],
  ["category_view", { id: "7" }],
  ["article_view", { id: "a1", name: "News" }],
  ["product_view", { product_id: "2" }],
  ["search", { query: 'red "shoe"', url: "https://shop.test/?q=red" }],
  ["basket_add", { product_id: "2", quantity: 3 }],
  ["basket_remove", { product_id: "2", quantity: 1 }],
  ["checkout", {}],
  ["identify", { email: "johny@x.com" }],
  ["customer_details", { first_name: "Johny", subscribed: true }],
  ["tag", { tags: ["new", "förster"] }],
  ["custom", { name: "seen" }],
  ["custom", { name: "old" }],
];

const shop = (policy = () => "") => (collector) => ({
  "/empty": scriptTag(collector),
  "/": () => ({
    body: scriptTag(collector, `nonce="n0nce"`) + `<script nonce="n0nce">${CALLS}</script>`,
    headers: policy(collector) ? { "content-security-policy": policy(collector) } : {},
  }),
});

const WITHOUT_WASM = (c) => `script-src 'self' 'unsafe-inline' ${c}`;
const WITH_WASM = (c) => `script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval' ${c}`;
/** The policy of docs/install.md, on a page that allows nothing else but its icon. */
const DOCUMENTED = (c) => `default-src 'none'; img-src data:; script-src 'nonce-n0nce' 'wasm-unsafe-eval' ${c}; connect-src ${c}`;
const TRUSTED_TYPES = (c) => `${WITHOUT_WASM(c)}; require-trusted-types-for 'script'; trusted-types 'none'`;

const ANY_ORIGIN = { "access-control-allow-origin": "*" };
const respondWithHtml = (status) => (route) => route.fulfill({ status, contentType: "text/html", headers: ANY_ORIGIN, body: "<!doctype html><p>Sorry" });
const abort = (route) => route.abort();
const truncate = async (route) => {
  const response = await route.fetch();
  const body = await response.body();
  await route.fulfill({ contentType: "application/wasm", headers: ANY_ORIGIN, body: body.subarray(0, body.length / 2) });
};

/** The browser's own messages about a blocked or missing file. */
const POLICY_ERROR = /Content Security Policy/;
const LOAD_ERROR = /Failed to load resource/;

/** title: the fault, and the error that the browser may print about it. */
const FAULTS = {
  "a policy without wasm-unsafe-eval": { policy: WITHOUT_WASM, allowedErrors: POLICY_ERROR },
  "a policy without wasm-unsafe-eval and with trusted types": { policy: TRUSTED_TYPES, allowedErrors: POLICY_ERROR },
  "a browser without WebAssembly": { script: "delete window.WebAssembly" },
  "a browser whose WebAssembly is an empty object": { script: "window.WebAssembly = {}" },
  "the wasm file is missing": { files: { "core-*.wasm": respondWithHtml(404) }, allowedErrors: LOAD_ERROR },
  "the wasm file is an HTML page": { files: { "core-*.wasm": respondWithHtml(200) } },
  "the wasm request fails": { files: { "core-*.wasm": abort }, allowedErrors: LOAD_ERROR },
  "the wasm file is truncated": { files: { "core-*.wasm": truncate } },
};

const WORKING = {
  "no policy": {},
  "a policy with wasm-unsafe-eval": { policy: WITH_WASM },
  "the documented policy": { policy: DOCUMENTED },
};

const JS_CORE = /\/fallback-/;
const WASM_CORE = /\.wasm$/;

/** Opens the page under these conditions; returns a function that counts the requests whose path matches a pattern. */
const openShop = async ({ page, open, collector }, { script, files = {} }) => {
  const requests = [];
  page.on("request", (request) => requests.push(new URL(request.url()).pathname));
  if (script) await page.addInitScript(script);
  for (const [name, handler] of Object.entries(files)) await page.route(`${collector.url}/assets/${name}`, handler);
  await open();
  return (pattern) => requests.filter((path) => pattern.test(path)).length;
};

/** Waits for all events of the page. The v1 call is sent when the replay module has loaded; all others keep their order. */
const assertAllStored = async ({ waitForEvents, allEvents }) => {
  await waitForEvents((events) => events.some(isV1));
  const events = (await allEvents()).map(callFields);
  const inOrder = [...events.filter((event) => !isV1(event)), ...events.filter(isV1)];
  assert.deepEqual(inOrder.map(({ type, params }) => [type, params]).slice(1), CALLED);
  assert.equal(inOrder[0].type, "land");
};
const isV1 = ({ api }) => api === "metrilo-v1";

/** Removes the expected error from the page's errors; the browser may print it once. */
const removeExpectedError = (page, allowedErrors) => {
  const expected = page.errors.filter((text) => allowedErrors?.test(text));
  assert.ok(expected.length <= 1, expected.join("\n"));
  page.errors = page.errors.filter((text) => !expected.includes(text));
};

describe("the page loads the core as JavaScript when", PARALLEL, () => {
  for (const [title, conditions] of Object.entries(FAULTS)) {
    test(title, () =>
      withPage(shop(conditions.policy), async (fixture) => {
        const requestCount = await openShop(fixture, conditions);
        await assertAllStored(fixture);
        assert.equal(requestCount(JS_CORE), 1);
        assert.equal(requestCount(WASM_CORE), conditions.files?.["core-*.wasm"] ? 1 : 0, "a blocked file is not downloaded");
        removeExpectedError(fixture.page, conditions.allowedErrors);
      }));
  }

  test("WebAssembly is blocked, and its memory grows with large calls", () =>
    withPage(shop(WITHOUT_WASM), async (fixture) => {
      await openShop(fixture, {});
      await assertAllStored(fixture);
      await fixture.page.evaluate(() => {
        for (let at = 0; at < 100; at++) window.metrilo.customEvent(at + " ☂".repeat(1500));
      });
      const names = (await fixture.allEvents()).map(({ params }) => String(params.name)).filter((name) => name.endsWith("☂"));
      const isComplete = names.map((name, at) => name === at + " ☂".repeat(1500));
      assert.deepEqual(isComplete, Array(100).fill(true));
      removeExpectedError(fixture.page, POLICY_ERROR);
    }));
});

describe("the page loads the core as WebAssembly only with", PARALLEL, () => {
  for (const [title, conditions] of Object.entries(WORKING)) {
    test(title, () =>
      withPage(shop(conditions.policy), async (fixture) => {
        const requestCount = await openShop(fixture, conditions);
        await assertAllStored(fixture);
        assert.deepEqual([requestCount(WASM_CORE), requestCount(JS_CORE)], [1, 0]);
      }));
  }
});

test("when both cores fail to load, the next page sends the calls", () =>
  withPage(shop(), async (fixture) => {
    const { page, collector } = fixture;
    const coreFiles = `${collector.url}/assets/{core,fallback}-*`;
    await page.route(coreFiles, abort);
    const requestCount = await openShop(fixture, {});
    assert.equal(await page.evaluate(() => window.tillroll.ready.then(() => "ready", () => "not ready")), "not ready");
    // The script of the core, which is missing too, loads the other one.
    assert.equal(requestCount(JS_CORE), 0);
    // flush() does not wait for calls that only a later page can send.
    await page.evaluate(() => void window.tillroll.flush().then(() => (window.flushed = true)));
    await page.waitForFunction(() => window.flushed, undefined, { timeout: 5_000 });
    page.errors = page.errors.filter((text) => !LOAD_ERROR.test(text));
    assert.ok((await page.evaluate(persistedCount)) >= CALLED.length - 1);
    await page.unroute(coreFiles);
    await fixture.open("/empty");
    const ofFirstPage = (events) => events.filter((event) => event.page.url.endsWith("/") && event.type !== "land" && !isV1(event));
    const expected = CALLED.slice(0, -1);
    const events = await fixture.waitForEvents((events) => ofFirstPage(events).length >= expected.length);
    assert.deepEqual(ofFirstPage(events).map(({ type, params }) => [type, params]), expected);
  }));

/** An application without a bundler: the shop serves the files of the npm package. */
const application = (policy) => (collector) => {
  const start = `window.tracker = start({ token: ${JSON.stringify(TOKEN)}, collector: ${JSON.stringify(collector)} }); tracker.metrilo.customEvent("seen");`;
  const file = (name, type) => () => ({ type, body: readFileSync(new URL(`../../../dist/npm/${name}`, import.meta.url)) });
  return {
    "/": () => ({
      body: `<script type="module">import { start } from "./index.js"; ${start}</script>`,
      headers: { "content-security-policy": policy(collector) },
    }),
    "/index.js": file("index.js"),
    "/fallback.js": file("fallback.js"),
    "/core.wasm": file("core.wasm", "application/wasm"),
  };
};

describe("the npm package without a bundler", PARALLEL, () => {
  for (const [title, policy, expected, allowedErrors] of [["WebAssembly is blocked: loads JavaScript", WITHOUT_WASM, [0, 1], POLICY_ERROR], ["WebAssembly is allowed: loads no JavaScript", WITH_WASM, [1, 0]]]) {
    test(title, () =>
      withPage(application(policy), async (fixture) => {
        const requestCount = await openShop(fixture, {});
        await fixture.waitForEvents((events) => events.some(({ params }) => params.name === "seen"));
        assert.deepEqual([requestCount(WASM_CORE), requestCount(/\/fallback\.js$/)], expected);
        removeExpectedError(fixture.page, allowedErrors);
      }));
  }
});
