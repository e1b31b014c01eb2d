// Each example as its reader starts it: built from the packed npm package, walked in a browser against an ephemeral collector. The collector must
// store exactly the events of the walk, and the page must have no error.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { COLLECTOR_BINARY, WORK, assertInstalled } from "../../examples/runner/install.mjs";
import { hasPhp, names, startExample } from "../../examples/runner/start.mjs";
import { openPage } from "../browser/support/browser.mjs";
import { MEMORY_SNIPPET, PERSISTENT_SNIPPET } from "../browser/support/documented-snippet.mjs";
import { ENGINES } from "../browser/support/engines.mjs";
import { assertRendered, startRecorded } from "./php-shop.mjs";
import { WALKS } from "./walks.mjs";

const EXPECT_TIMEOUT_MS = 20_000;

let tracked;
const browsers = {};
before(async () => {
  assertInstalled();
  const { startCollector } = await import(new URL("node_modules/tillroll/testing.js", WORK));
  tracked = await startCollector({ binary: COLLECTOR_BINARY });
});
after(async () => {
  for (const browser of Object.values(browsers)) await browser.close();
  await tracked?.close();
});

const project = () => ({ collector: tracked.url, token: tracked.token });

/** Calls `act` with a tab of a new visitor; fails if the page has an error. */
const withTab = async (engine, act) => {
  browsers[engine] ??= await ENGINES[engine]();
  await tracked.reset();
  const tab = await openPage(browsers[engine]);
  try {
    await act(tab);
    assert.deepEqual(tab.errors, []);
  } finally {
    await tab.context().close();
  }
};

/** Waits for an event. */
const stored = ([type, params]) => tracked.expect({ type, params }, { timeout: EXPECT_TIMEOUT_MS });

/** Waits for the last of the expected events, then compares all. */
const assertStored = async (expected) => {
  await stored(expected.at(-1));
  const events = (await tracked.events()).filter(({ type }) => type !== "land");
  assert.deepEqual(events.map(({ type, params }) => [type, params]), expected);
  assert.deepEqual(await tracked.rejected(), []);
};

/** The names of the core's files that the page has loaded. */
const coreFiles = () => performance.getEntriesByType("resource").flatMap(({ name }) => /[^/]*\.wasm|fallback[^/]*\.js/.exec(name) ?? []);

describe("node examples/run.mjs", () => {
  const SCRIPT = fileURLToPath(new URL("../../examples/run.mjs", import.meta.url));

  test("serves an example with a collector of its own until it is stopped", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tillroll-run-"));
    const child = spawn("node", [SCRIPT, "plain-html"], { env: { ...process.env, TMPDIR: folder }, stdio: ["ignore", "pipe", "inherit"] });
    const lines = [];
    for await (const line of createInterface(child.stdout)) if (lines.push(line) === 2) break;
    const [url, list] = lines.map((line) => /http[^ ,]*/.exec(line)[0]);
    assert.match(await (await fetch(url)).text(), /127\.0\.0\.1:\d+\/tracking\.js\?token=test/);
    assert.deepEqual(await (await fetch(list)).json(), []);
    child.kill("SIGINT");
    assert.deepEqual(await once(child, "exit"), [0, null]);
    await assert.rejects(fetch(list));
    // The store of the collector is there.
    assert.deepEqual(readdirSync(folder), []);
    rmSync(folder, { recursive: true });
  });

  test("without the name of an example prints all names", () => {
    const { status, stderr } = spawnSync("node", [SCRIPT, "nothing"], { encoding: "utf8" });
    assert.deepEqual([status, names().every((name) => stderr.includes(name))], [2, true]);
  });
});

test("every example has a walk", () => {
  const walked = [...Object.keys(WALKS), "consent-banner"];
  assert.deepEqual(names().sort(), walked.sort());
});

for (const [name, { engines = ["chromium"], walk, events }] of Object.entries(WALKS))
  describe(name, () => {
    let shop;
    before(async () => {
      const isRecorded = name === "php-shop" && !hasPhp();
      shop = await (isRecorded ? startRecorded(project()) : startExample(name, project()));
    });
    after(() => shop?.close());
    for (const engine of engines.filter((engine) => ENGINES[engine]))
      test(engine, () =>
        withTab(engine, async (tab) => {
          await walk({ tab, url: shop.url, stored });
          await assertStored(events(shop));
          const files = await tab.evaluate(coreFiles);
          if (name !== "shopify-pixel") assert.match(files.join(), /^[^,]*\.wasm$/, "the core is loaded as WebAssembly, once");
        }),
      );
  });

if (hasPhp())
  test("php-shop: PHP renders the recorded pages", () => assertRendered(project()));

test("tag-manager, consent-banner: the inline snippets are the documented ones", () => {
  const read = (name) => readFileSync(new URL(`../../examples/${name}`, import.meta.url), "utf8");
  assert.ok(read("tag-manager/tags/library.html").includes(PERSISTENT_SNIPPET));
  assert.ok(read("consent-banner/load-after-consent.html").includes(MEMORY_SNIPPET));
});

describe("shopify-pixel", () => {
  test("the pixel runs in an opaque origin without cookies, and the visitor stays the same on the next page", async () => {
    const shop = await startExample("shopify-pixel", project());
    try {
      await withTab("chromium", async (tab) => {
        for (const path of ["/", "/index.html"]) {
          await tab.goto(shop.url + path);
          await stored(["page_view", { url: shop.url + path }]);
        }
        const inFrame = () => {
          try {
            return [window.origin, document.cookie];
          } catch ({ name }) {
            return [window.origin, name];
          }
        };
        assert.deepEqual(await tab.frames()[1].evaluate(inFrame), ["null", "SecurityError"]);
        const deadline = await tab.evaluate(async () => (await window.cookieStore.get("cbuid")).expires - Date.now());
        assert.ok(deadline > 300 * 24 * 60 * 60 * 1000, `the cookie ends after ${deadline} ms`);
        const events = await tracked.events();
        const visits = events.map(({ visitor_id, session_id, page }) => [visitor_id, session_id, new URL(page.url).origin]);
        assert.deepEqual(visits[0], visits[1]);
        assert.match(visits[0][0], /^[0-9a-f]{42}$/);
      });
    } finally {
      shop.close();
    }
  });

  test("the pixel has the visitor and the session of the library in the theme", async () => {
    const shop = await startExample("shopify-pixel", project());
    try {
      await withTab("chromium", async (tab) => {
        await tab.context().addCookies([
          { name: "cbuid", value: "johny@shop.example", url: shop.url },
          { name: "ometria", value: `t=${Date.now()}&sid=session-of-the-theme`, url: shop.url },
        ]);
        await tab.goto(shop.url);
        const { email, session_id } = await stored(["page_view", { url: `${shop.url}/` }]);
        assert.deepEqual([email, session_id], ["johny@shop.example", "session-of-the-theme"]);
      });
    } finally {
      shop.close();
    }
  });
});

describe("consent-banner", () => {
  let shop;
  before(async () => (shop = await startExample("consent-banner", project())));
  after(() => shop.close());

  const PAGES = { "hold-and-release": "Hold and release", "load-after-consent": "Load after consent" };
  const isSent = () => performance.getEntriesByType("resource").some(({ name }) => /\/v2\//.test(name));
  const storedNames = () => [document.cookie, Object.keys(localStorage).filter((key) => key !== "consent").join()];

  for (const [page, title] of Object.entries(PAGES)) {
    const url = () => `${shop.url}/${page}.html`;

    test(`${page}: calls before consent are sent once the visitor accepts, and later pages do not ask again`, () =>
      withTab("chromium", async (tab) => {
        await tab.goto(url());
        await tab.click("#product");
        await tab.waitForLoadState("networkidle");
        assert.deepEqual([await tab.evaluate(storedNames), await tab.evaluate(isSent)], [["", ""], false]);
        await tab.click("#accept");
        const productView = ["product_view", { product_id: "312" }];
        await stored(productView);
        await tab.goto(`${url()}?page=2`);
        await tab.click("#product");
        await tab.waitForFunction(() => window.tillroll.flush);
        await tab.evaluate(() => window.tillroll.flush());
        await assertStored([
          ["page_view", { url: url(), name: title }],
          productView,
          ["page_view", { url: `${url()}?page=2`, name: title }],
          productView,
        ]);
        assert.equal(await tab.isVisible("#banner"), false);
      }));

    test(`${page}: nothing is sent or stored after a refusal`, () =>
      withTab("chromium", async (tab) => {
        await tab.goto(url());
        await tab.click("#refuse");
        await tab.click("#product");
        await tab.reload();
        await tab.waitForLoadState("networkidle");
        assert.deepEqual([await tab.evaluate(storedNames), await tab.evaluate(isSent)], [["", ""], false]);
        assert.deepEqual(await tracked.events(), []);
      }));

    test(`${page}: withdrawn consent deletes what the browser has`, () =>
      withTab("chromium", async (tab) => {
        await tab.goto(url());
        await tab.click("#accept");
        await stored(["page_view", { url: url() }]);
        await tab.waitForFunction(() => document.cookie.includes("cbuid"));
        await tab.click("#withdraw");
        await tab.waitForFunction(() => !document.cookie);
        await tab.reload();
        await tab.click("#product");
        await tab.waitForLoadState("networkidle");
        assert.deepEqual([await tab.evaluate(() => document.cookie), await tab.evaluate(isSent)], ["", false]);
      }));
  }
});
