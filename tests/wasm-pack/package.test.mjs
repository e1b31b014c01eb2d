// The package that wasm-pack makes of the core: a page loads it as it is, and a call becomes an entry of its queue.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { createFixture } from "../browser/support/fixture.mjs";
import { numberedNames } from "../browser/support/numbered-names.mjs";

const withPage = createFixture();

const ROOT = new URL("../../", import.meta.url);
const read = (path) => readFileSync(new URL(path, ROOT), "utf8");
const script = (body) => () => ({ type: "text/javascript", body });

const pages = () => ({
  // The core imports the functions that take its effects; an application maps that name to its own module.
  "/": `<script type="importmap">{"imports": {"tillroll-effects": "/effects.js"}}</script>`,
  "/effects.js": script("export const act = (...effect) => effects.push(effect); export const report = () => {}; window.effects = [];"),
  "/flat-encode.js": script(read("js/calls/flat-encode.js")),
  "/tillroll.js": script(read("target/wasm-pack/tillroll.js")),
  "/tillroll_bg.wasm": () => ({ type: "application/wasm", body: readFileSync(new URL("target/wasm-pack/tillroll_bg.wasm", ROOT)) }),
});

/** Runs in the page: starts the core, passes a call, and returns the effects with the names of their actions. */
const play = async ({ inputs, actions }) => {
  const { default: init, handle } = await import("/tillroll.js");
  const { encodeFlat } = await import("/flat-encode.js");
  await init();
  const input = (name, ...texts) => handle(inputs.indexOf(name), texts.join("\0"), null);
  input("Start", "granted");
  input("Restored");
  input("Leader", "yes");
  const seed = "a".repeat(42);
  input("Call", `${Date.now()}-100000-${seed.slice(0, 6)}1`, encodeFlat({ time: Date.now(), seed, api: "tillroll", type: "product_view", url: location.href, params: { product_id: "312" } }));
  return window.effects.map(([action, ...texts]) => [actions[action], ...texts]);
};

test("the package starts in a page and puts a call into the queue", () =>
  withPage(pages, async ({ page, open }) => {
    await open();
    const effects = await page.evaluate(play, { inputs: numberedNames("input.rs"), actions: numberedNames("effect.rs") });
    assert.ok(effects.some(([action, , text]) => action === "Persist" && text.includes("312")), JSON.stringify(effects));
  }));
