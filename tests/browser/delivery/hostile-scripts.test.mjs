// Another script of the shop's origin damages the stored entries, or sends on the library's channel. Whole entries are delivered, damaged ones
// are dropped and counted, and messages other than those of tabs have no effect.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { respondWith } from "../support/faulty-proxy.mjs";
import { createFixture, PARALLEL, scriptTag } from "../support/fixture.mjs";
import { numberedNames } from "../support/numbered-names.mjs";

const withPage = createFixture();
const pages = (collector) => ({ "/": scriptTag(collector), "/elsewhere": "" });
const haveNames = (...names) => (events) => names.every((name) => events.some(({ params }) => params.name === name));

/** Stored entries that the library did not write. */
const DAMAGED = {
  "a record that names an object's prototype as its page": ["__proto__.0", JSON.stringify(["__proto__.0", 1, "tillroll:", "r", "t", "metrilo", "viewPage", ["x"]])],
  "half a record": ["0.5", '["tillroll:0.5",1,"https'],
  "half an event": ["0000000000000-1000000-abcdef1", '{"id":"01890a5d-0000'],
  "another text": ["0000000000000-1000000-abcdef2", "not ours"],
};

describe("an entry that the library did not write", PARALLEL, () => {
  for (const [name, [key, text]] of Object.entries(DAMAGED)) {
    test(`${name} is dropped, and the stored events are delivered`, () =>
      withPage(
        pages,
        async ({ page, proxy, open, waitForEvents }) => {
          await open();
          await page.evaluate(() => window.tillroll.ready.then(() => window.tillroll.flush()));
          proxy.fault = respondWith(503);
          await page.evaluate(() => window.metrilo.customEvent("stored"));
          // Without a beacon, only storage can carry the event to the next page.
          await page.evaluate(() => (navigator.sendBeacon = () => false));
          await open("/elsewhere");
          await page.evaluate(([key, text]) => localStorage.setItem("tillroll:" + key, text), [key, text]);
          proxy.fault = undefined;
          await open();
          await waitForEvents(haveNames("stored"));
          await page.evaluate(() => window.tillroll.flush());
          assert.deepEqual(await page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith("tillroll:"))), []);
          const left = await page.evaluate(
            () =>
              new Promise((done) => {
                indexedDB.open("tillroll-sh0p-t0k3n").onsuccess = ({ target: { result: db } }) => {
                  db.transaction("tillroll-sh0p-t0k3n").objectStore("tillroll-sh0p-t0k3n").getAllKeys().onsuccess = (event) => (db.close(), done(event.target.result));
                };
              }),
          );
          assert.ok(!left.includes(key), `${left}`);
        },
        { useProxy: true, allowedErrors: /503/ },
      ));
  }

  test("is counted", () =>
    withPage(pages, async ({ page, open, waitForEvents }) => {
      await page.addInitScript(() => {
        localStorage.setItem("tillroll:0000000000000-1000000-abcdef3", "not ours");
        window.dropped = [];
        addEventListener("load", () => window.tillroll.on("dropped", ({ count, reason }) => window.dropped.push([count, reason])));
      });
      await open();
      await waitForEvents((events) => events.length > 0);
      assert.deepEqual(await page.evaluate(() => window.dropped), [[1, "damaged"]]);
    }));
});

const INPUTS = numberedNames("input.rs");

/** The inputs that tabs send to each other. */
const SHARED = ["Call", "DeletedElsewhere", "StateChanged"];

/** Messages that no tab sends. */
const MESSAGES = [
  ...INPUTS.flatMap((name, kind) => (SHARED.includes(name) ? [] : [[kind], [kind, "denied"], [kind, "1", "x", "x"]])),
  ...INPUTS.flatMap((_, kind) => [[kind, null], [kind, 1, 2], [kind, {}, [], 1]]),
  [INPUTS.indexOf("Call"), "key"],
  ["call", "1-1-a1", "x"],
  ["__proto__", "x"],
  "text",
  null,
  { 0: 6, length: 1 },
];

test("messages on the channel that no tab sends have no effect", () =>
  withPage(pages, async ({ page, open, waitForEvents }) => {
    await open();
    await page.evaluate(() => window.tillroll.ready.then(() => window.tillroll.flush()));
    await page.evaluate((messages) => {
      const channel = new BroadcastChannel("tillroll-sh0p-t0k3n");
      messages.forEach((message) => channel.postMessage(message));
    }, MESSAGES);
    // Messages of one channel arrive in order.
    await page.evaluate(
      () =>
        new Promise((resolve) => {
          const [from, to] = [new BroadcastChannel("tillroll-sh0p-t0k3n"), new BroadcastChannel("tillroll-sh0p-t0k3n")];
          to.onmessage = () => (to.close(), from.close(), resolve());
          from.postMessage(["nothing"]);
        }),
    );
    await page.evaluate(() => window.metrilo.customEvent("afterwards"));
    await waitForEvents(haveNames("afterwards"));
  }));
