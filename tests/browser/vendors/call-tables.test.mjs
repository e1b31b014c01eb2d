// The table of call shapes, whole: `in` on the vendor's object of a real page gives `out` in the real collector's store, in order, and
// nothing else. All rows of a page are played in one go, each as a visitor of its own, with a marker before it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { expand } from "../../compat/support/expand-markers.mjs";
import { expectedEvents, tableRows } from "../../compat/support/tables.mjs";
import { brief, scriptTag, stage } from "../support/fixture.mjs";

const TITLE = "Shop";
const STUB = "<script>window.metrilo = Object.assign([], { q: [] });</script>";

const play = stage();

/** In the page: plays the rows and returns what was thrown, and how many calls of each row were counted as ignored. */
const perform = async ([vendor, rows, text]) => {
  const expand = eval(text);
  const outcome = rows.map(() => ({ ignored: 0, thrown: null }));
  let at = -1;
  window.tillroll.on("error", () => at >= 0 && outcome[at].ignored++);
  await window.tillroll.ready;
  // What the first generation meant is fetched when it is first spoken: from then on calls are heard as they are made.
  window.metrilo.event("warm-up");
  window.ometria.init("warm-up");
  await window.tillroll.flush();
  rows.forEach((row, index) => {
    window.tillroll.reset();
    window.metrilo.customEvent(`row ${index}`);
    at = index;
    for (const [name, ...args] of row) {
      try {
        const [word, of = vendor] = name.split(".").reverse();
        const returned = window[of][word](...expand(args));
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

/** Cuts a page's events at the markers. */
const cut = (events) => {
  const parts = [];
  for (const event of events) {
    if (event.type === "custom" && /^row \d+$/.test(event.params.name)) parts.push([]);
    else parts.at(-1)?.push(event);
  }
  return parts;
};

/** The e-mail under which each event is exported: its own person's, and the first one's of the row for what came before. */
const emails = (out) => {
  const identified = out.map(({ type, params }) => (type === "identify" ? params.email : undefined));
  let known = identified.find(Boolean) ?? null;
  return identified.map((email) => (known = email ?? known));
};

const PAGES = [
  ["metrilo", "on a plain page", "", (row) => !row.stub],
  ["metrilo", "on a page with a stub", STUB, (row) => row.stub],
  ["ometria", "on a plain page", "", () => true],
];

for (const [vendor, where, stub, plays] of PAGES) {
  test(`every call shape of ${vendor}, ${where}`, async (t) => {
    const table = tableRows(vendor).filter(plays);
    await play(
      (collector) => ({ "/": stub + scriptTag(collector) }),
      async ({ page, url, open, stored }) => {
        await open();
        const filled = JSON.parse(JSON.stringify(table.map((row) => row.in)).replaceAll("{page}", `${url}/`).replaceAll("{title}", TITLE));
        const outcome = await page.evaluate(perform, [vendor, filled, `(${expand})`]);
        const events = await stored((events) => events.some((event) => event.params.name === "the end"));
        const parts = cut(events.filter((event) => event.params.name !== "the end"));
        assert.equal(parts.length, table.length);
        for (const [at, row] of table.entries()) {
          await t.test(row.title, () => {
            const out = expectedEvents(row, { url: `${url}/`, title: TITLE });
            assert.equal(outcome[at].thrown, null);
            assert.deepEqual(parts[at].map(brief), out.map(brief));
            assert.deepEqual(parts[at].map((event, index) => out[index].store && event.store_id), out.map(({ store }) => store));
            assert.deepEqual(parts[at].map((event) => event.email), emails(out));
            assert.equal(outcome[at].ignored, row.ignored, "calls counted as ignored");
          });
        }
      },
    );
  });
}
