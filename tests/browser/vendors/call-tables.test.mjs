// All rows of the compatibility tables: the calls of `in` on the vendor's object in a real page result in exactly the events of `out` in the
// real collector, in order. One page runs all rows, each as a new visitor and after a marker event.

import assert from "node:assert/strict";
import { test } from "node:test";

import { expand } from "../../compat/support/expand-markers.mjs";
import { expectedEvents, tableRows } from "../../compat/support/tables.mjs";
import { callFields, createFixture, scriptTag } from "../support/fixture.mjs";

const TITLE = "Shop";
const STUB = "<script>window.metrilo = Object.assign([], { q: [] });</script>";

const withPage = createFixture();

/** Runs in the page: makes the calls of all rows; returns what each row threw, and how many of its calls were counted as ignored. */
const runRows = async ([vendor, rows, text]) => {
  const expand = eval(text);
  const outcome = rows.map(() => ({ ignored: 0, thrown: null }));
  let at = -1;
  window.tillroll.on("error", () => at >= 0 && outcome[at].ignored++);
  await window.tillroll.ready;
  // The first v1 call loads the replay module. From then on calls are processed at once.
  window.metrilo.event("warm-up");
  window.ometria.init("warm-up");
  await window.tillroll.flush();
  rows.forEach((row, index) => {
    window.tillroll.reset();
    window.metrilo.customEvent(`row ${index}`);
    at = index;
    for (const [name, ...args] of row) {
      try {
        const [method, owner = vendor] = name.split(".").reverse();
        const returned = window[owner][method](...expand(args));
        if (returned !== undefined) throw new Error(`${name} returned something`);
      } catch (error) {
        outcome[index].thrown = String(error);
      }
    }
    at = -1;
  });
  window.metrilo.customEvent("the end");
  return outcome;
};

/** Splits a page's events at the markers into one list for each row. */
const splitByRow = (events) => {
  const eventsOfRows = [];
  for (const event of events) {
    if (event.type === "custom" && /^row \d+$/.test(event.params.name)) eventsOfRows.push([]);
    else eventsOfRows.at(-1)?.push(event);
  }
  return eventsOfRows;
};

/** Returns the e-mail of each exported event: that of its visitor. Events before the first identification have the first e-mail. */
const emailsOf = (out) => {
  const identified = out.map(({ type, params }) => (type === "identify" ? params.email : undefined));
  let current = identified.find(Boolean) ?? null;
  return identified.map((email) => (current = email ?? current));
};

const PAGES = [
  ["metrilo", "on a plain page", "", (row) => !row.stub],
  ["metrilo", "on a page with a stub", STUB, (row) => row.stub],
  ["ometria", "on a plain page", "", () => true],
];

for (const [vendor, pageKind, stub, isRowOfPage] of PAGES) {
  test(`every call shape of ${vendor} is stored as its row defines, ${pageKind}`, async (t) => {
    const table = tableRows(vendor).filter(isRowOfPage);
    await withPage(
      (collector) => ({ "/": stub + scriptTag(collector) }),
      async ({ page, url, open, waitForEvents }) => {
        await open();
        const calls = JSON.parse(JSON.stringify(table.map((row) => row.in)).replaceAll("{page}", `${url}/`).replaceAll("{title}", TITLE));
        const outcome = await page.evaluate(runRows, [vendor, calls, `(${expand})`]);
        const events = await waitForEvents((events) => events.some((event) => event.params.name === "the end"));
        const eventsOfRows = splitByRow(events.filter((event) => event.params.name !== "the end"));
        assert.equal(eventsOfRows.length, table.length);
        for (const [at, row] of table.entries()) {
          await t.test(row.title, () => {
            const out = expectedEvents(row, { url: `${url}/`, title: TITLE });
            assert.equal(outcome[at].thrown, null);
            assert.deepEqual(eventsOfRows[at].map(callFields), out.map(callFields));
            assert.deepEqual(eventsOfRows[at].map((event, index) => out[index].store && event.store_id), out.map(({ store }) => store));
            assert.deepEqual(eventsOfRows[at].map((event) => event.email), emailsOf(out));
            assert.equal(outcome[at].ignored, row.ignored, "calls counted as ignored");
          });
        }
      },
    );
  });
}
