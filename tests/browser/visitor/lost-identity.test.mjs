// What else writes the visitor's cookie: a late response of the collector, and a shop's server that has no id to print.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ENGINES } from "../support/engines.mjs";
import { createFixture, PARALLEL, scriptTag } from "../support/fixture.mjs";

const pages = (collector) => ({ "/": scriptTag(collector), "/empty": "" });
const setVisitor = (value) => void (document.cookie = `cbuid=${value};path=/`);
const readVisitor = () => decodeURIComponent((/cbuid=([^;]*)/.exec(document.cookie) ?? [])[1] ?? "");
const whenReady = () => window.tillroll.ready.then(() => true);

/** Opens a page of a visitor who has a cookie, and returns its value: that of the request which may be on its way. */
const openAsKnownVisitor = async ({ page, open, allEvents }) => {
  for (let visit = 1; visit <= 2; visit++) {
    await open();
    await page.evaluate(whenReady);
    await allEvents();
  }
  return page.evaluate(readVisitor);
};

const CASES = {
  // A browser may apply the Set-Cookie of a response although the page has aborted its request.
  "a value that a late response brings back is replaced by the present one": async ({ page, open, allEvents }) => {
    const before = await openAsKnownVisitor({ page, open, allEvents });
    await page.evaluate(() => window.metrilo.identify("a@x.com"));
    await page.evaluate(setVisitor, before);
    await page.waitForFunction(() => document.cookie.includes("a@x.com"));
  },
  "a value that a late response brings back after a denial is deleted": async ({ page, open, allEvents }) => {
    const before = await openAsKnownVisitor({ page, open, allEvents });
    await page.evaluate(() => window.tillroll.consent("denied"));
    await page.evaluate(setVisitor, before);
    await page.waitForFunction(() => !document.cookie.includes("cbuid"));
  },
  "an id that stands for a missing one costs no event, and makes no person of all visitors": async ({ page, open, allEvents }) => {
    for (const id of ["undefined", "{{ customer.id }}"]) {
      await open("/empty");
      await page.evaluate(setVisitor, encodeURIComponent(id));
      await open();
      await page.evaluate(() => window.metrilo.viewProduct("7"));
      const views = (await allEvents()).filter(({ type }) => type === "product_view");
      const [last] = views.slice(-1);
      assert.equal(views.length, id === "undefined" ? 1 : 2);
      assert.equal(last.visitor_id, last.session_id);
    }
  },
};

for (const [name, engine] of Object.entries(ENGINES)) {
  describe(`${name}, the visitor's cookie`, PARALLEL, () => {
    const withPage = createFixture({ engine });
    for (const [title, act] of Object.entries(CASES)) test(title, () => withPage(pages, act));
  });
}
