// The package that wasm-pack makes of the core: a page loads it as it is, and a call becomes an entry of its queue.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { createFixture } from "../browser/support/fixture.mjs";

const withPage = createFixture();

const ROOT = new URL("../../", import.meta.url);
const read = (path) => readFileSync(new URL(path, ROOT), "utf8");
/** The names of a numbered list in the core, in its order. */
const names = (path) => [...read(path).match(/numbered! \{[^]*?\n\}/)[0].matchAll(/= "(\w+)"/g)].map(([, name]) => name);
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
  input("start", "granted");
  input("restored");
  input("onLeader", "yes");
  const seed = "a".repeat(42);
  input("call", `${Date.now()}-100000-${seed.slice(0, 6)}1`, encodeFlat({ time: Date.now(), seed, api: "tillroll", type: "product_view", url: location.href, params: { product_id: "312" } }));
  return window.effects.map(([action, ...texts]) => [actions[action], ...texts]);
};

test("the package starts in a page and puts a call into the queue", () =>
  withPage(pages, async ({ page, open }) => {
    await open();
    const effects = await page.evaluate(play, { inputs: names("src/input.rs"), actions: names("src/effect.rs") });
    assert.ok(effects.some(([action, , text]) => action === "put" && text.includes("312")), JSON.stringify(effects));
  }));
