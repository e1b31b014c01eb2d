// A page that the browser prerenders: it stores and sends nothing until the visitor opens it, and its calls then have that time. Chromium
// prerenders nothing while a driver is attached, so the pages of this test drive themselves.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { CHROMIUM_ARGS, CHROMIUM_PATH } from "../support/browser.mjs";
import { Collector } from "../support/collector.mjs";
import { scriptTag } from "../support/fixture.mjs";
import { startShop } from "../support/shop-server.mjs";

let collector;
before(async () => (collector = await Collector.start()));
after(() => collector.close());

const RULES = `<script type="speculationrules">{"prerender":[{"source":"list","urls":["/ahead"],"eagerness":"immediate"}]}</script>`;
/** Polls the shop: marks the time when the other page is prerendered, and opens that page when the shop allows it. */
const OPENER = `<script>
  let isMarked;
  const poll = async () => {
    const state = await (await fetch("/state")).text();
    if (state === "prerendered" && !isMarked) isMarked = (metrilo.customEvent("marker"), tillroll.flush());
    if (state === "open") location.href = "/ahead";
    else setTimeout(poll, 50);
  };
  poll();
</script>`;
const AHEAD = `<script>
  metrilo.viewProduct("ahead");
  fetch("/seen?" + document.prerendering + document.cookie.includes("cbuid") + localStorage.length);
  document.addEventListener("prerenderingchange", () => fetch("/activated"));
</script>`;

test("a prerendered page sends and stores nothing until it is activated", async () => {
  let state = "waiting";
  let seen;
  let activatedAt;
  const shop = await startShop({
    "/": scriptTag(collector.url) + RULES + OPENER,
    "/ahead": scriptTag(collector.url) + AHEAD,
    "/state": () => ({ type: "text/plain", body: state, headers: { "cache-control": "no-store" } }),
    "/seen": ({ url }) => ((seen = url.split("?")[1]), (state = "prerendered"), { body: "" }),
    "/activated": () => ((activatedAt = Date.now()), { body: "" }),
  });
  const profile = await mkdtemp(join(tmpdir(), "tillroll-prerender-"));
  const args = CHROMIUM_ARGS.filter((flag) => !flag.startsWith("--headless") && flag !== "--disable-background-networking");
  const browser = spawn(CHROMIUM_PATH, [...args, "--headless=new", "--remote-debugging-port=0", `--user-data-dir=${profile}`, `${shop.url.replace("127.0.0.1", "localhost")}/`], { stdio: "ignore", detached: true });
  const isAhead = ({ page }) => page.url.endsWith("/ahead");
  try {
    const events = await collector.waitForEvents((events) => events.some(({ params }) => params.name === "marker"), 30_000);
    assert.match(seen, /^true/, "the browser prerenders the page");
    assert.deepEqual(events.filter(isAhead), []);
    assert.equal((await collector.events()).filter(({ type }) => type === "land").length, 1);
    state = "open";
    const [view] = (await collector.waitForEvents((events) => events.some(isAhead))).filter(isAhead);
    assert.deepEqual([view.type, view.params], ["product_view", { product_id: "ahead" }]);
    assert.ok(Math.abs(view.time - activatedAt) < 1_000, `${view.time - activatedAt} ms after the activation`);
  } finally {
    const exited = once(browser, "exit");
    process.kill(-browser.pid, "SIGKILL");
    await exited;
    await shop.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
});
