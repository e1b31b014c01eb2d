// Two projects on one origin, such as the shop's countries: they share the visitor, and nothing else.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { TOKEN } from "../support/collector.mjs";
import { PERSISTENT_SNIPPET } from "../support/documented-snippet.mjs";
import { ENGINES } from "../support/engines.mjs";
import { createFixture, PARALLEL, scriptTag } from "../support/fixture.mjs";

const OTHER = { token: "0ther", secret: "0ther-secr3t" };
const inline = (text) => `<script>${text}</script>`;
const ofOther = (text) => text.replaceAll(TOKEN, OTHER.token);
/** The snippet with the token of the project, as docs/install.md describes it. */
const snippetOf = (token) => PERSISTENT_SNIPPET.replace('"tillroll:"', `"tillroll-${token}:"`);

const pages = (collector) => ({
  "/": scriptTag(collector) + inline(`ometria.init("homepage", null, "de");`),
  "/fr": ofOther(scriptTag(collector)) + inline(`metrilo.viewProduct("fr");`),
  "/never": snippetOf(TOKEN).split("\n")[0] + inline(`metrilo.customEvent("recorded");`),
  "/gone": ofOther(scriptTag(collector)) + inline(`metrilo.viewProduct("left"); location.href = "/after";`),
  "/empty": "",
  "/after": "",
});

const flush = (page) => page.evaluate(() => window.tillroll.flush().then(() => true));

/** Returns the events of the other project on the shop at `url`. */
const otherEvents = async ({ collector, url }) => {
  const authorization = "Basic " + Buffer.from(`${OTHER.token}:${OTHER.secret}`).toString("base64");
  const response = await fetch(`${collector.url}/export/events?limit=10000`, { headers: { authorization } });
  const events = (await response.text()).split("\n").filter(Boolean).map((line) => JSON.parse(line));
  return events.filter(({ page }) => page.url.startsWith(url));
};

const CASES = {
  "the visitor is the same, and each has its session, landing and store": async ({ page, open, allEvents, collector, url }) => {
    await open();
    const events = await allEvents();
    await open("/fr");
    await flush(page);
    const others = await otherEvents({ collector, url });
    assert.deepEqual(others.map(({ type }) => type), ["land", "product_view"]);
    assert.deepEqual([...new Set([...events, ...others].map((event) => event.visitor_id))].length, 1);
    assert.notEqual(others[0].session_id, events[0].session_id);
    assert.deepEqual(others.map((event) => event.store_id ?? null), [null, null]);
    const sid = await page.evaluate(() => new URLSearchParams(document.cookie.split("; ").find((cookie) => cookie.startsWith("ometria=")).slice(8)).get("sid"));
    assert.equal(sid, others[0].session_id, "shop servers read it");
    await open("/fr");
    await flush(page);
    assert.equal((await otherEvents({ collector, url })).filter(({ type }) => type === "land").length, 1, "the session goes on");
  },
  "a page that is left before its core has loaded starts a session of its project": async ({ page, open, allEvents, collector, url, proxy }) => {
    await open();
    await allEvents();
    proxy.assetFault = { delayMs: 4_000 };
    await open("/empty");
    const beaconReceived = proxy.nextBatch();
    await page.evaluate(() => void (location.href = "/gone"));
    await beaconReceived;
    await page.waitForURL(/after/);
    proxy.assetFault = undefined;
    await open("/fr");
    await flush(page);
    const others = await otherEvents({ collector, url });
    assert.deepEqual(others.map(({ type, params }) => params.product_id ?? type), ["land", "left", "fr"]);
    assert.equal(new Set(others.map((event) => event.session_id)).size, 1);
  },
  "calls of a snippet with a token wait for a page of that project": async ({ page, open, allEvents, collector, url }) => {
    await open("/never");
    await open("/fr");
    await flush(page);
    assert.deepEqual((await otherEvents({ collector, url })).filter(({ type }) => type === "custom"), []);
    await open();
    assert.deepEqual((await allEvents()).filter(({ type }) => type === "custom").map(({ params }) => params.name), ["recorded"]);
    assert.equal(await page.evaluate(() => Object.keys(localStorage).filter((key) => key.includes(":")).length), 0);
  },
};

for (const [name, engine] of Object.entries(ENGINES)) {
  describe(`${name}, two projects on one origin`, PARALLEL, () => {
    const withPage = createFixture({ engine, flags: ["--project", `${OTHER.token}:${OTHER.secret}`] });
    for (const [title, act] of Object.entries(CASES)) test(title, () => withPage(pages, act, { useProxy: true, allowedErrors: /Failed to load resource/ }));
  });
}
