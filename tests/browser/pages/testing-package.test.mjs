// `tillroll/testing`, as the tests of a shop use it.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { resolve } from "node:path";

import { startCollector, trackingFixtures } from "../../../dist/npm/testing.js";
import { launch, openPage } from "../support/browser.mjs";
import { startShop } from "../support/shop-server.mjs";

const BINARY = resolve(process.env.TILLROLL_BIN ?? "target/release/tillroll");

let tracked;
let browser;
let shop;
before(async () => {
  tracked = await startCollector({ binary: BINARY });
  browser = await launch();
  shop = await startShop({ "/": `<script src="${tracked.scriptUrl}"></script>` });
});
after(async () => {
  await browser?.close();
  await shop?.close();
  await tracked?.close();
});

const visit = async (act) => {
  const page = await openPage(browser);
  await page.goto(shop.url);
  await page.evaluate(act);
  return page;
};

describe("the events of a page", () => {
  test("are found by some of their fields", async () => {
    await tracked.reset();
    await visit(() => window.metrilo.addToCart("312", 2));
    const event = await tracked.expect({ type: "basket_add", params: { product_id: "312" } });
    assert.deepEqual(event.params, { product_id: "312", quantity: 2 });
    assert.deepEqual(await tracked.rejected(), []);
  });

  test("start again after a reset", async () => {
    await visit(() => window.metrilo.viewProduct("1"));
    await tracked.expect({ type: "product_view" });
    await tracked.reset();
    assert.deepEqual((await tracked.events()).filter(({ type }) => type === "product_view"), []);
  });

  test("that do not match are explained by the nearest one", async () => {
    await tracked.reset();
    await visit(() => window.metrilo.addToCart("312", 2));
    await tracked.expect({ type: "basket_add" });
    const failing = tracked.expect({ type: "basket_add", params: { product_id: "312", quantity: 3 } }, { timeout: 0 });
    await assert.rejects(failing, /nearest event: .*"product_id":"312"[\s\S]*params\.quantity: expected 3, found 2/);
  });
});

test("a rejected event is listed, and explains a failed expectation", async () => {
  await tracked.reset();
  const events = [{ id: crypto.randomUUID(), type: "nonsense" }];
  await fetch(`${tracked.url}/v2/batch`, { method: "POST", body: JSON.stringify({ token: tracked.token, events }) });
  const [rejected] = await tracked.rejected();
  assert.equal(rejected.id, events[0].id);
  await assert.rejects(tracked.expect({ type: "order" }, { timeout: 0 }), /no stored event matches \{"type":"order"\}[\s\S]*rejected: nonsense: /);
});

test("the fixtures start a collector for a worker and reset it for each test", async () => {
  const { trackedCollector, tracked } = trackingFixtures({ binary: BINARY });
  const [fixture, { scope }] = trackedCollector;
  assert.equal(scope, "worker");
  let url;
  await fixture({}, async (collector) => {
    url = collector.url;
    await fetch(`${url}/v2/batch`, { method: "POST", body: JSON.stringify({ token: "test", events: [{}] }) });
    assert.equal((await collector.rejected()).length, 1);
    await tracked({ trackedCollector: collector }, async (used) => assert.deepEqual([used, await used.rejected()], [collector, []]));
  });
  await assert.rejects(fetch(url), "the collector has ended");
});

test("the collector has the token that the application has built in", async () => {
  const collector = await startCollector({ binary: BINARY, token: "sh0p-t0k3n", secret: "m3trilo-secr3t" });
  await fetch(`${collector.url}/v2/batch`, { method: "POST", body: JSON.stringify({ token: "sh0p-t0k3n", events: [{}] }) });
  assert.equal((await collector.rejected()).length, 1);
  const authorization = `Basic ${btoa("sh0p-t0k3n:m3trilo-secr3t")}`;
  assert.equal((await fetch(`${collector.url}/export/events`, { headers: { authorization } })).status, 200);
  await collector.close();
});

test("a missing program is named, with the remedy", () =>
  assert.rejects(startCollector({ binary: "/does/not/exist" }), /cannot start \/does\/not\/exist \(ENOENT\); install tillroll, or set TILLROLL_BIN/));
