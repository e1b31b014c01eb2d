// WebAssembly refused by a policy, missing from the browser, or lost on the way: the same core comes as JavaScript, and neither the page
// nor the store can tell the difference. Where WebAssembly works, nobody downloads that.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { TOKEN } from "../support/collector.mjs";
import { AT_ONCE, brief, scriptTag, stage, written } from "../support/fixture.mjs";

const play = stage();

/** Every word, with texts beyond ASCII, numbers and lists. */
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

const WITHOUT = (c) => `script-src 'self' 'unsafe-inline' ${c}`;
const WITH = (c) => `script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval' ${c}`;
/** The policy of the README, on a page that allows nothing else but its icon. */
const ADVISED = (c) => `default-src 'none'; img-src data:; script-src 'nonce-n0nce' 'wasm-unsafe-eval' ${c}; connect-src ${c}`;
const TYPED = (c) => `${WITHOUT(c)}; require-trusted-types-for 'script'; trusted-types 'none'`;

const ANY_ORIGIN = { "access-control-allow-origin": "*" };
const html = (status) => (route) => route.fulfill({ status, contentType: "text/html", headers: ANY_ORIGIN, body: "<!doctype html><p>Sorry" });
const lost = (route) => route.abort();
const cut = async (route) => {
  const response = await route.fetch();
  const whole = await response.body();
  await route.fulfill({ contentType: "application/wasm", headers: ANY_ORIGIN, body: whole.subarray(0, whole.length / 2) });
};

/** What a browser itself says of a refusal or of a file that is not there. */
const POLICY = /Content Security Policy/;
const MISSING = /Failed to load resource/;

/** title: what goes wrong, and what the browser may print about it. */
const REFUSED = {
  "a policy without wasm-unsafe-eval": { policy: WITHOUT, prints: POLICY },
  "such a policy and trusted types": { policy: TYPED, prints: POLICY },
  "a browser without WebAssembly": { script: "delete window.WebAssembly" },
  "a browser whose WebAssembly is an empty object": { script: "window.WebAssembly = {}" },
  "the wasm answers 404": { files: { "core-*.wasm": html(404) }, prints: MISSING },
  "the wasm is a page of HTML": { files: { "core-*.wasm": html(200) } },
  "the wasm does not arrive": { files: { "core-*.wasm": lost }, prints: MISSING },
  "the wasm arrives in part": { files: { "core-*.wasm": cut } },
  "the core's script does not arrive": { files: { "core-*.js": lost }, prints: MISSING },
};

const WORKS = {
  "no policy": {},
  "a policy with wasm-unsafe-eval": { policy: WITH },
  "the policy that we advise": { policy: ADVISED },
};

const FALLBACK = /\/fallback-/;
const WASM = /\.wasm$/;

/** Opens the page under these conditions; returns how many files it asked for whose path fits a pattern. */
const visitShop = async ({ page, open, collector }, { script, files = {} }) => {
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  if (script) await page.addInitScript(script);
  for (const [name, answer] of Object.entries(files)) await page.route(`${collector.url}/assets/${name}`, answer);
  await open();
  return (pattern) => asked.filter((path) => pattern.test(path)).length;
};

/** Waits for everything that the page called. The first generation's words come when their file does, the others in order. */
const assertCalled = async ({ stored, told }) => {
  await stored((events) => events.some(isOld));
  const events = (await told()).map(brief);
  const inOrder = [...events.filter((event) => !isOld(event)), ...events.filter(isOld)];
  assert.deepEqual(inOrder.map(({ type, params }) => [type, params]).slice(1), CALLED);
  assert.equal(inOrder[0].type, "land");
};
const isOld = ({ api }) => api === "metrilo-v1";

/** Takes out of the page's complaints what the browser prints itself, which must be one line at most. */
const excuse = (page, prints) => {
  const printed = page.complaints.filter((text) => prints?.test(text));
  assert.ok(printed.length <= 1, printed.join("\n"));
  page.complaints = page.complaints.filter((text) => !printed.includes(text));
};

describe("the core comes as JavaScript", AT_ONCE, () => {
  for (const [title, conditions] of Object.entries(REFUSED)) {
    test(title, () =>
      play(shop(conditions.policy), async (scene) => {
        const asked = await visitShop(scene, conditions);
        await assertCalled(scene);
        assert.equal(asked(FALLBACK), 1);
        assert.equal(asked(WASM), conditions.files?.["core-*.wasm"] ? 1 : 0, "what is refused is not downloaded");
        excuse(scene.page, conditions.prints);
      }));
  }

  test("and its memory grows under large calls", () =>
    play(shop(WITHOUT), async (scene) => {
      await visitShop(scene, {});
      await assertCalled(scene);
      await scene.page.evaluate(() => {
        for (let at = 0; at < 100; at++) window.metrilo.customEvent(at + " ☂".repeat(1500));
      });
      const names = (await scene.told()).map(({ params }) => String(params.name)).filter((name) => name.endsWith("☂"));
      const whole = names.map((name, at) => name === at + " ☂".repeat(1500));
      assert.deepEqual(whole, Array(100).fill(true));
      excuse(scene.page, POLICY);
    }));
});

describe("the core comes as WebAssembly alone", AT_ONCE, () => {
  for (const [title, conditions] of Object.entries(WORKS)) {
    test(title, () =>
      play(shop(conditions.policy), async (scene) => {
        const asked = await visitShop(scene, conditions);
        await assertCalled(scene);
        assert.deepEqual([asked(WASM), asked(FALLBACK)], [1, 0]);
      }));
  }
});

test("where neither comes the calls are kept for the next page", () =>
  play(shop(), async (scene) => {
    const { page, collector } = scene;
    const nothing = `${collector.url}/assets/{core,fallback}-*`;
    await page.route(nothing, lost);
    const asked = await visitShop(scene, {});
    assert.equal(await page.evaluate(() => window.tillroll.ready.then(() => "ready", () => "not ready")), "not ready");
    assert.equal(asked(FALLBACK), 1);
    // What is kept for later is nothing to wait for.
    await page.evaluate(() => void window.tillroll.flush().then(() => (window.flushed = true)));
    await page.waitForFunction(() => window.flushed, undefined, { timeout: 5_000 });
    page.complaints = page.complaints.filter((text) => !MISSING.test(text));
    assert.ok((await page.evaluate(written)) >= CALLED.length - 1);
    await page.unroute(nothing);
    await scene.open("/empty");
    const kept = (events) => events.filter((event) => event.page.url.endsWith("/") && event.type !== "land" && !isOld(event));
    const called = CALLED.slice(0, -1);
    const events = await scene.stored((events) => kept(events).length >= called.length);
    assert.deepEqual(kept(events).map(({ type, params }) => [type, params]), called);
  }));

/** An application that bundled nothing: the npm package as it is, served by the shop. */
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

describe("the npm package fetches the JavaScript where it must", AT_ONCE, () => {
  for (const [title, policy, wanted, prints] of [["refused", WITHOUT, [0, 1], POLICY], ["allowed", WITH, [1, 0]]]) {
    test(title, () =>
      play(application(policy), async (scene) => {
        const asked = await visitShop(scene, {});
        await scene.stored((events) => events.some(({ params }) => params.name === "seen"));
        assert.deepEqual([asked(WASM), asked(/\/fallback\.js$/)], wanted);
        excuse(scene.page, prints);
      }));
  }
});
