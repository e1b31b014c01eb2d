// The network fails in every way that a proxy before the real collector can make it fail. Nothing is lost and nothing is stored twice, the
// order of the calls is kept, and there is one request at a time.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ENGINES } from "../support/engines.mjs";
import { assertOnce } from "../support/event-assertions.mjs";
import { answers, CUT, PORTAL, SILENCE, slow } from "../support/faulty-proxy.mjs";
import { scriptTag, stage } from "../support/fixture.mjs";

/** These wait for the tracker's own patience nearly all of the time. */
const WAITING = { concurrency: 16 };

const play = stage();
const FAULTY = { proxied: true, prints: /Failed to load resource|blocked by CORS policy/ };
const pages = (collector) => ({ "/": scriptTag(collector), "/next": scriptTag(collector) });

const ready = () => window.tillroll.ready;
const call = (names) => names.forEach((name) => window.metrilo.customEvent(name));
const NAMES = ["1", "2", "3", "4", "5", "6"];
const LONG = NAMES.concat(NAMES).map((name, at) => `${at} ${name.repeat(7_000)}`);
const times = (count, fault) => Array(count).fill(fault);
const STRANGER = { status: 200, headers: { "content-type": "text/html" }, body: PORTAL.body };

/** title: what becomes of the next batches; `least` is how much later the second batch may come, in milliseconds. */
const ROWS = {
  "500, five times": { next: times(5, answers(500)) },
  "503 with Retry-After": { next: times(2, answers(503, { "retry-after": "2" })), least: 2_000 },
  "429 with Retry-After": { next: [answers(429, { "retry-after": "3" })], least: 3_000 },
  "429 without a word on when": { next: [answers(429)], least: 500 },
  "408": { next: [answers(408)] },
  "404, as from a host that is being moved": { next: [answers(404)] },
  "the first three requests never answered": { next: times(3, SILENCE), least: 10_000 },
  "the first request never answered, and 50 KB long": { next: [SILENCE], least: 10_000, names: LONG },
  "the connection cut after the body was read, three times": { next: times(3, CUT) },
  "a captive portal answers 200 with HTML, three times": { next: times(3, PORTAL) },
  "a captive portal whose answers a page may not read": { next: times(3, STRANGER) },
  "an empty 204": { next: [answers(204)] },
  "every answer a second late": { fault: slow(1_000) },
  "one of everything": { next: [CUT, answers(500), PORTAL, answers(429, { "retry-after": "1" })] },
};

describe("the network fails: lost 0, stored twice 0", WAITING, () => {
  for (const [title, { next = [], fault, least, names = NAMES }] of Object.entries(ROWS)) {
    test(title, () =>
      play(
        pages,
        async ({ page, proxy, open, stored, told }) => {
          await open();
          await page.evaluate(ready);
          await stored((events) => events.length > 0);
          Object.assign(proxy, { next: [...next], fault, batches: [] });
          const first = proxy.arrival();
          await page.evaluate(call, names.slice(0, names.length / 2));
          await first;
          await page.evaluate(call, names.slice(names.length / 2));
          const events = await told(page, 60_000);
          assertOnce(events, names);
          assert.deepEqual(events.map(({ params }) => params.name), [undefined, ...names], "the order of the calls");
          assert.equal(proxy.most, 1, "requests at a time");
          const [one, two] = proxy.batches;
          if (least) assert.ok(two.at - one.at >= least, `asked again after ${two.at - one.at} ms`);
        },
        FAULTY,
      ));
  }

  test("connections refused for 12 s while the browser thinks it is online", () =>
    play(
      pages,
      async ({ page, proxy, open, told }) => {
        await open();
        await page.evaluate(ready);
        const over = proxy.refuseFor(12_000);
        const failures = [];
        page.on("requestfailed", (request) => failures.push(request.url()));
        await page.evaluate(call, NAMES);
        await over;
        assert.ok(await page.evaluate(() => navigator.onLine));
        assert.ok(failures.length >= 2 && failures.length <= 6, `${failures.length} attempts in 12 s`);
        assertOnce(await told(page, 40_000), NAMES);
      },
      FAULTY,
    ));

  test("a refused token: what it was sent with is dropped and said, and there is silence until the next page", () =>
    play(
      pages,
      async ({ page, proxy, open, told }) => {
        proxy.next = [answers(401)];
        await open();
        await page.evaluate(async () => {
          await window.tillroll.ready;
          const dropped = new Promise((resolve) => window.tillroll.on("dropped", resolve));
          window.metrilo.customEvent("refused");
          const { count, reason } = await dropped;
          window.metrilo.customEvent(`${count} ${reason}`);
          await window.tillroll.flush();
        });
        assert.equal(proxy.batches.length, 1);
        await open("/next");
        assertOnce(await told(), ["2 refused"]);
      },
      FAULTY,
    ));
});

for (const [name, engine] of Object.entries(ENGINES)) {
  describe(`${name}, the core is kept back: lost 0, stored twice 0`, () => {
    const play = stage({ engine });
    test("and comes on the same page when it is asked for again", () =>
      play(
        pages,
        async ({ page, proxy, open, told }) => {
          proxy.assets = answers(503);
          await open();
          await page.evaluate(() => window.tillroll.ready.catch(() => "not there"));
          await page.evaluate(call, NAMES.slice(0, 3));
          proxy.assets = undefined;
          await page.evaluate(() => window.dispatchEvent(new Event("online")));
          await page.evaluate(call, NAMES.slice(3));
          assertOnce(await told(), NAMES);
        },
        { ...FAULTY, prints: /Failed to load|Cross-Origin Request Blocked|disallowed MIME type/ },
      ));
  });
}

describe("the connection goes: lost 0, stored twice 0", WAITING, () => {
  const CALLED_OFFLINE = ["offline 1", "offline 2"];

  test("offline and online again", () =>
    play(
      pages,
      async ({ page, open, told }) => {
        await open();
        await page.evaluate(ready);
        await page.context().setOffline(true);
        const failed = page.waitForEvent("requestfailed");
        await page.evaluate(call, CALLED_OFFLINE);
        await failed;
        await page.context().setOffline(false);
        assertOnce(await told(), CALLED_OFFLINE);
      },
      FAULTY,
    ));

  test("offline and closed, and opened again", () =>
    play(
      pages,
      async ({ page, url, open, told }) => {
        await open();
        await page.evaluate(ready);
        const context = page.context();
        await context.setOffline(true);
        await page.evaluate(call, CALLED_OFFLINE);
        await page.close();
        await context.setOffline(false);
        const again = await context.newPage();
        await again.goto(`${url}/next`);
        assertOnce(await told(again), CALLED_OFFLINE);
      },
      FAULTY,
    ));

  test("500 events in one tick", () =>
    play(
      pages,
      async ({ page, open, told, proxy }) => {
        const names = Array.from({ length: 500 }, (_, at) => String(at));
        await open();
        await page.evaluate(call, names);
        const events = await told();
        assertOnce(events, names);
        assert.deepEqual(events.slice(1).map(({ params }) => params.name), names);
        assert.equal(proxy.most, 1);
      },
      FAULTY,
    ));
});
