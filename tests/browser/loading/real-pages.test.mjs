// Pages whose own names, elements, tabs and projects meet those of the library.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { TOKEN } from "../support/collector.mjs";
import { createFixture, PARALLEL, scriptTag } from "../support/fixture.mjs";

const withPage = createFixture();

const inline = (text) => `<script>${text}</script>`;
const VIEW = inline(`metrilo.viewProduct("p");`);

/** The shop's own copy of the script. */
const COPY = { "/copy.js": () => ({ type: "text/javascript", body: readFileSync(new URL("../../../dist/tracking.js", import.meta.url)) }) };

/** title: what the page has before the script tag. */
const NAMES = {
  "a class Map": inline("function Map() { this.elements = []; }"),
  "a variable crypto": inline("let crypto = { md5: function () {} };"),
  "a function crypto": inline("function crypto() {}"),
  "a variable URLSearchParams": inline("var URLSearchParams = {};"),
  "a function addEventListener": inline("function addEventListener(element, name, run) { element.addEventListener(name, run, false); }"),
  "a function isFinite": inline("function isFinite() { return false; }"),
  "a Date.now that returns a Date": inline("Date.now = function () { return new Date(); };"),
  "a Date without now": inline("(function (Real) { window.Date = function (at) { return arguments.length ? new Real(at) : new Real(); }; Date.prototype = Real.prototype; })(Date);"),
  "elements called like members of document": `<img name="currentScript" src="data:,"><img name="cookie"><form name="querySelector"></form><form name="addEventListener"></form>`,
};

describe("a page may have", PARALLEL, () => {
  for (const [title, before] of Object.entries(NAMES)) {
    test(title, () =>
      withPage(
        (collector) => ({ "/": before + scriptTag(collector) + VIEW }),
        async ({ open, allEvents }) => {
          await open();
          assert.deepEqual((await allEvents()).map(({ type }) => type), ["land", "product_view"]);
        },
      ));
  }
});

/** title: the attributes of the script tag of a copied file, and a script before it. */
const CONFIGURED = {
  "attributes of the script": (collector) => [`data-token="${TOKEN}" data-collector="${collector}"`, ""],
  "options of the page, with a URL as an object": (collector) => ["", inline(`window.tillrollOptions = { token: "${TOKEN}", collector: new URL("${collector}") };`)],
  "options of the page": (collector) => ["", inline(`window.tillrollOptions = { token: "${TOKEN}", collector: "${collector}/" };`)],
};

describe("a copy of the script takes token and collector from", PARALLEL, () => {
  for (const [title, configure] of Object.entries(CONFIGURED)) {
    test(title, () =>
      withPage(
        (collector) => {
          const [attributes, before] = configure(collector);
          return { "/": `${before}<script src="/copy.js" ${attributes}></script>${VIEW}`, ...COPY };
        },
        async ({ open, allEvents }) => {
          await open();
          assert.deepEqual((await allEvents()).map(({ type }) => type), ["land", "product_view"]);
        },
      ));
  }
});

test("a script without a token stores and sends nothing, and reports it", () =>
  withPage(
    (collector) => ({ "/": `<form name="tillrollOptions"><input name="token"><a name="collector" href="${collector}/"></a></form><script src="${collector}/tracking.js"></script>${VIEW}` }),
    async ({ page, open }) => {
      await open();
      const report = await page.evaluate(() => new Promise((resolve) => window.tillroll.on("error", resolve)));
      assert.deepEqual(report, { name: "error", reason: "no_token" });
      assert.deepEqual(await page.evaluate(async () => [document.cookie, (await indexedDB.databases()).length, localStorage.length]), ["", 0, 0]);
    },
    { allowedErrors: /^tillroll: wrong token\/collector$/ },
  ));

const WITHOUT_COLLECTOR = {
  "a collector without a scheme": `<script src="/copy.js" data-token="${TOKEN}" data-collector="collector.example.com"></script>`,
  "a copy whose page names only the token": `<script>window.tillrollOptions = { token: "${TOKEN}" }</script><script src="/copy.js"></script>`,
};

for (const [title, tag] of Object.entries(WITHOUT_COLLECTOR))
  test(`${title}: nothing is sent to the shop's own host`, () =>
    withPage(
      () => ({ "/": tag + VIEW, ...COPY }),
      async ({ page, open }) => {
        const requests = [];
        page.on("request", (request) => requests.push(new URL(request.url()).pathname));
        await open();
        const report = await page.evaluate(() => new Promise((resolve) => window.tillroll.on("error", resolve)));
        assert.equal(report.reason, "no_token");
        assert.deepEqual([page.errors.splice(0), requests], [["tillroll: wrong token/collector"], ["/", "/copy.js"]]);
      },
    ));

test("a tag of the collector with the token alone does not take the collector of another tag", () =>
  withPage(
    (collector) => ({
      "/":
        `<script type="text/plain" data-token="other" data-collector="https://other.example.com/"></script>` +
        `<script src="${collector}/tracking.js" data-token="${TOKEN}"></script>${VIEW}`,
    }),
    async ({ open, allEvents }) => {
      await open();
      assert.deepEqual((await allEvents()).map(({ type }) => type), ["land", "product_view"]);
    },
  ));

test("a denial in one tab holds in a tab that was opened before", () =>
  withPage(
    (collector) => ({ "/": scriptTag(collector), "/other": scriptTag(collector) }),
    async ({ page, url, open, allEvents }) => {
      await open();
      await allEvents();
      const other = await page.context().newPage();
      await other.goto(`${url}/other`);
      await other.evaluate(() => window.tillroll.ready);
      await other.evaluate(() => window.tillroll.consent("denied"));
      await page.waitForFunction(() => !document.cookie.includes("cbuid"));
      await page.evaluate(() => (window.metrilo.identify("a@x.com"), window.tillroll.flush()));
      assert.equal(await page.evaluate(() => document.cookie), "");
    },
  ));

test("what one project could not send is not sent by another one of the same origin", () =>
  withPage(
    (collector) => ({ "/": scriptTag(collector), "/other": scriptTag(collector).replace(TOKEN, "other"), "/empty": "" }),
    async ({ page, collector, open, allEvents }) => {
      await open();
      await allEvents();
      await page.route(`${collector.url}/v2/*`, (route) => route.abort());
      await page.evaluate(() => window.metrilo.viewProduct("kept"));
      await open("/empty");
      await page.unroute(`${collector.url}/v2/*`);
      await open("/other");
      await page.evaluate(() => window.tillroll.flush());
      await open();
      assert.deepEqual((await allEvents()).map(({ params }) => params.product_id).filter(Boolean), ["kept"]);
      page.errors = page.errors.filter((text) => !/Failed to load resource/.test(text));
    },
  ));
