// The inline snippet alone, with any objects that a page has: every documented method exists immediately, never throws, and records its call.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runInNewContext } from "node:vm";

import { MEMORY_SNIPPET, PERSISTENT_SNIPPET } from "../../tests/browser/support/documented-snippet.mjs";

const METRILO = `identify customerDetails viewPage viewArticle viewCategory viewProduct search addToCart removeFromCart checkout applyTags
  customEvent integrateForm`.split(/\s+/);
const OMETRIA = `init identify setBasket trackAddToBasket trackTransaction trackCheckout track viewProduct viewProducts event setProfileData
  getIdentity isNewVisitor setPageType setPageData observeEmailInputs`.split(/\s+/);
const BASKET = ["setTotal", "addLineItem", "setId", "setUrl", "setURL"];

/** Properties that pages read and that are not methods. */
const NOT_METHODS = ["q", "queue", "then", "toJSON", "raw_data", "onLoad", "ensure_cbuid", "nodeType", "ready", "settings", "length"];

/** Runs the snippet in a new page; `globals` are the page's own globals, `stored` is its local storage. */
const open = (globals = {}, form = PERSISTENT_SNIPPET, stored = {}) => {
  const document = { URL: "https://shop.test/", referrer: "https://x/", title: "Shop" };
  const page = { document, localStorage: stored, navigator: {}, ...globals };
  page.self = page.window = page;
  const run = () => runInNewContext(form.replace(/<\/?script>/g, ""), page);
  run();
  return { page, run, stored, recorded: () => page.tillroll.map(([, , , , , object, method, args]) => [object, method, ...args]) };
};

/** Returns a value of the page's realm as a value of the test's realm. */
const plain = (value) => JSON.parse(JSON.stringify(value));

test("both variants are within 600 bytes", () => {
  for (const form of [PERSISTENT_SNIPPET, MEMORY_SNIPPET]) assert.ok(Buffer.byteLength(form) - "<script></script>".length <= 600, form);
});

for (const [title, form] of Object.entries({ PERSISTENT_SNIPPET, MEMORY_SNIPPET })) {
  describe(title.toLowerCase(), () => {
    test("documented methods exist on both objects, and no others", () => {
      const { page, recorded } = open({}, form);
      for (const name of METRILO) assert.equal(page.metrilo[name]("a", { b: 1 }), undefined);
      for (const name of OMETRIA) assert.equal(page.ometria[name]("a", { b: 1 }), undefined);
      const called = (object, names) => names.map((name) => [object, name, "a", { b: 1 }]);
      assert.deepEqual(plain(recorded()), [...called("metrilo", METRILO), ...called("ometria", OMETRIA)]);
      for (const name of NOT_METHODS) assert.ok(!["metrilo", "ometria"].some((object) => typeof page[object][name] === "function"), name);
      for (const symbol of [Symbol.toPrimitive, Symbol.iterator, Symbol.toStringTag]) assert.equal(page.metrilo[symbol], undefined);
      assert.equal(`${page.ometria}`, "[object Object]");
    });

    test("a basket can be filled and passed, and has a size", () => {
      const { page, recorded } = open({}, form);
      const basket = runInNewContext("new ometria.Basket()", page);
      BASKET.forEach((name, at) => assert.equal(basket[name](at), undefined));
      basket.basket_id = "b";
      page.ometria.setBasket(basket);
      const calls = BASKET.map((name, at) => [name, at]);
      assert.deepEqual(plain(recorded()), [["ometria", "setBasket", { calls, size: 0, basket_id: "b" }]]);
      assert.equal(page.ometria.basket.size + basket.size, 0);
    });

    test("the page's properties stay, and its own functions are called too", () => {
      const theirs = [];
      const raw_data = { type: "homepage" };
      const onLoad = () => theirs.push("loaded");
      const left = { raw_data, onLoad, identify: (id) => theirs.push(id) };
      const { page, recorded } = open({ ometria: left }, form);
      page.ometria.identify("a@x.com");
      page.ometria.init("homepage");
      left.identify = () => { throw new Error("theirs"); };
      page.ometria.identify("b@x.com");
      assert.deepEqual([theirs, page.ometria.raw_data, page.ometria.onLoad], [["a@x.com"], raw_data, onLoad]);
      assert.deepEqual(plain(recorded()), [["ometria", "identify", "a@x.com"], ["ometria", "init", "homepage"], ["ometria", "identify", "b@x.com"]]);
    });

    test("a v1 stub records its own calls and has the other methods too", () => {
      const stub = Object.assign([], { q: [] });
      for (const name of ["event", "identify", "pageview"]) stub[name] = (...given) => stub.q.push([name, ...given]);
      const { page, recorded } = open({ metrilo: stub }, form);
      page.metrilo.event("checkout_start");
      page.metrilo.identify("a@x.com");
      page.metrilo.viewProduct(7);
      assert.deepEqual(stub.q, [["event", "checkout_start"], ["identify", "a@x.com"]]);
      assert.deepEqual(plain(recorded()), [["metrilo", "viewProduct", 7]]);
    });

    test("once the library has loaded the objects pass everything through, and baskets still record", () => {
      const { page } = open({}, form);
      const basket = runInNewContext("new ometria.Basket()", page);
      page.tillroll = {};
      for (const name of ["init", "identify", "event"]) assert.equal(page.ometria[name], undefined);
      page.ometria.init = () => "theirs";
      assert.equal(page.ometria.init(), "theirs");
      basket.addLineItem("7", 1, 2);
      assert.equal(basket.calls.length, 1);
    });

    test("a second snippet, or one after the library, has no effect", () => {
      const { page, run, recorded } = open({}, form);
      const { metrilo } = page;
      run();
      page.metrilo.checkout();
      assert.deepEqual([page.metrilo, plain(recorded())], [metrilo, [["metrilo", "checkout"]]]);
      assert.equal(open({ tillroll: { version: "1" } }, form).page.metrilo, undefined);
    });

    test("no method throws for any argument or storage failure", () => {
      const denied = Object.defineProperty({}, "localStorage", { enumerable: false, get: () => { throw new Error("denied"); } });
      for (const globals of [{}, { metrilo: "loading" }, { metrilo: Object.freeze({ theirs: 1 }) }, { localStorage: null }]) {
        const { page } = open(globals, form);
        if (!globals.localStorage) Object.defineProperty(page, "localStorage", Object.getOwnPropertyDescriptor(denied, "localStorage"));
        const cycle = {};
        cycle.self = cycle;
        for (const junk of [cycle, 1n, Symbol("s"), () => {}, new Proxy({}, { get: () => { throw new Error("hostile"); } })]) page.metrilo.viewProduct(junk);
        assert.equal(page.tillroll.length, 5);
      }
    });
  });
}

describe("local storage", () => {
  test("each call is stored under its own key", () => {
    const { page, stored } = open();
    page.metrilo.viewProduct(7);
    page.document.URL = "https://shop.test/next";
    page.ometria.identify("a@x.com");
    const records = Object.keys(stored).map((key) => [key, JSON.parse(stored[key])]);
    assert.deepEqual(records.map(([key, [id]]) => key === id && /^tillroll:0\.\d+\.\d$/.test(key)), [true, true]);
    assert.ok(Math.abs(Date.now() - records[0][1][1]) < 10_000);
    assert.deepEqual(records[0][1].slice(2), ["https://shop.test/", "https://x/", "Shop", "metrilo", "viewProduct", [7]]);
    assert.deepEqual(records[1][1].slice(2), ["https://shop.test/next", "https://x/", "Shop", "ometria", "identify", ["a@x.com"]]);
  });

  test("nothing is stored before consent, with Global Privacy Control, above 8,000 characters, or beside 200 other keys", () => {
    const pages = [open({}, MEMORY_SNIPPET), open({ navigator: { globalPrivacyControl: true } }), open({}, PERSISTENT_SNIPPET, { length: 200 })];
    for (const { page, stored } of pages) {
      page.metrilo.viewProduct(7);
      assert.deepEqual(Object.keys(stored).filter((key) => key !== "length"), []);
      assert.equal(page.tillroll.length, 1);
    }
    const { page, stored } = open();
    page.metrilo.viewProduct("7".repeat(8_000));
    assert.deepEqual(Object.keys(stored), []);
  });

  test("a call that cannot be serialised does not affect others", () => {
    const { page, stored } = open();
    const cycle = {};
    cycle.self = cycle;
    page.metrilo.viewProduct(cycle);
    page.metrilo.checkout();
    assert.equal(Object.keys(stored).length, 1);
    assert.equal(page.tillroll.length, 2);
  });
});
