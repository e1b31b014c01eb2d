// The inline snippet by itself, on whatever a page left: every documented method is there at once and throws nothing, and calls are noted.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runInNewContext } from "node:vm";

import { MEMORY_SNIPPET, PERSISTENT_SNIPPET } from "../tests/browser/support/documented-snippet.mjs";

const METRILO = `identify customerDetails viewPage viewArticle viewCategory viewProduct search addToCart removeFromCart checkout applyTags
  customEvent integrateForm`.split(/\s+/);
const OMETRIA = `init identify setBasket trackAddToBasket trackTransaction trackCheckout track viewProduct viewProducts event setProfileData
  getIdentity isNewVisitor setPageType setPageData observeEmailInputs`.split(/\s+/);
const BASKET = ["setTotal", "addLineItem", "setId", "setUrl", "setURL"];

/** What pages ask an object for, and no method of it. */
const NONE = ["q", "queue", "then", "toJSON", "raw_data", "onLoad", "ensure_cbuid", "nodeType", "ready", "settings", "length"];

/** Runs the snippet in a page of its own; `left` is what the page has, `kept` what its local storage holds. */
const open = (left = {}, form = PERSISTENT_SNIPPET, kept = {}) => {
  const document = { URL: "https://shop.test/", referrer: "https://x/", title: "Shop" };
  const page = { document, localStorage: kept, navigator: {}, ...left };
  page.self = page.window = page;
  const run = () => runInNewContext(form.replace(/<\/?script>/g, ""), page);
  run();
  return { page, run, kept, notes: () => page.tillroll.map(([, , , , , object, method, given]) => [object, method, ...given]) };
};

/** What came from the page's own realm, as the test's. */
const plain = (value) => JSON.parse(JSON.stringify(value));

test("both forms are within the limit", () => {
  for (const form of [PERSISTENT_SNIPPET, MEMORY_SNIPPET]) assert.ok(Buffer.byteLength(form) - "<script></script>".length <= 600, form);
});

for (const [title, form] of Object.entries({ PERSISTENT_SNIPPET, MEMORY_SNIPPET })) {
  describe(title.toLowerCase(), () => {
    test("every method of both objects is there, and none that is not", () => {
      const { page, notes } = open({}, form);
      for (const name of METRILO) assert.equal(page.metrilo[name]("a", { b: 1 }), undefined);
      for (const name of OMETRIA) assert.equal(page.ometria[name]("a", { b: 1 }), undefined);
      const called = (object, names) => names.map((name) => [object, name, "a", { b: 1 }]);
      assert.deepEqual(plain(notes()), [...called("metrilo", METRILO), ...called("ometria", OMETRIA)]);
      for (const name of NONE) assert.ok(!["metrilo", "ometria"].some((object) => typeof page[object][name] === "function"), name);
      for (const symbol of [Symbol.toPrimitive, Symbol.iterator, Symbol.toStringTag]) assert.equal(page.metrilo[symbol], undefined);
      assert.equal(`${page.ometria}`, "[object Object]");
    });

    test("a basket is usable, has a size, and goes along", () => {
      const { page, notes } = open({}, form);
      const basket = runInNewContext("new ometria.Basket()", page);
      BASKET.forEach((name, at) => assert.equal(basket[name](at), undefined));
      basket.basket_id = "b";
      page.ometria.setBasket(basket);
      const calls = BASKET.map((name, at) => [name, at]);
      assert.deepEqual(plain(notes()), [["ometria", "setBasket", { calls, size: 0, basket_id: "b" }]]);
      assert.equal(page.ometria.basket.size + basket.size, 0);
    });

    test("what the page left stays, and its own function is called as well", () => {
      const theirs = [];
      const raw_data = { type: "homepage" };
      const onLoad = () => theirs.push("loaded");
      const left = { raw_data, onLoad, identify: (id) => theirs.push(id) };
      const { page, notes } = open({ ometria: left }, form);
      page.ometria.identify("a@x.com");
      page.ometria.init("homepage");
      left.identify = () => { throw new Error("theirs"); };
      page.ometria.identify("b@x.com");
      assert.deepEqual([theirs, page.ometria.raw_data, page.ometria.onLoad], [["a@x.com"], raw_data, onLoad]);
      assert.deepEqual(plain(notes()), [["ometria", "identify", "a@x.com"], ["ometria", "init", "homepage"], ["ometria", "identify", "b@x.com"]]);
    });

    test("a stub of the first generation keeps its own record, and is whole all the same", () => {
      const stub = Object.assign([], { q: [] });
      for (const name of ["event", "identify", "pageview"]) stub[name] = (...given) => stub.q.push([name, ...given]);
      const { page, notes } = open({ metrilo: stub }, form);
      page.metrilo.event("checkout_start");
      page.metrilo.identify("a@x.com");
      page.metrilo.viewProduct(7);
      assert.deepEqual(stub.q, [["event", "checkout_start"], ["identify", "a@x.com"]]);
      assert.deepEqual(plain(notes()), [["metrilo", "viewProduct", 7]]);
    });

    test("once the library is there the objects are the page's own again; baskets still work", () => {
      const { page } = open({}, form);
      const basket = runInNewContext("new ometria.Basket()", page);
      page.tillroll = {};
      for (const name of ["init", "identify", "event"]) assert.equal(page.ometria[name], undefined);
      page.ometria.init = () => "theirs";
      assert.equal(page.ometria.init(), "theirs");
      basket.addLineItem("7", 1, 2);
      assert.equal(basket.calls.length, 1);
    });

    test("a second snippet, or one behind the library, does nothing", () => {
      const { page, run, notes } = open({}, form);
      const { metrilo } = page;
      run();
      page.metrilo.checkout();
      assert.deepEqual([page.metrilo, plain(notes())], [metrilo, [["metrilo", "checkout"]]]);
      assert.equal(open({ tillroll: { version: "1" } }, form).page.metrilo, undefined);
    });

    test("nothing throws, whatever it is given and whatever storage does", () => {
      const denied = Object.defineProperty({}, "localStorage", { enumerable: false, get: () => { throw new Error("denied"); } });
      for (const left of [{}, { metrilo: "loading" }, { metrilo: Object.freeze({ theirs: 1 }) }, { localStorage: null }]) {
        const { page } = open(left, form);
        if (!left.localStorage) Object.defineProperty(page, "localStorage", Object.getOwnPropertyDescriptor(denied, "localStorage"));
        const cycle = {};
        cycle.self = cycle;
        for (const junk of [cycle, 1n, Symbol("s"), () => {}, new Proxy({}, { get: () => { throw new Error("hostile"); } })]) page.metrilo.viewProduct(junk);
        assert.equal(page.tillroll.length, 5);
      }
    });
  });
}

describe("what is kept", () => {
  test("each call under a key of its own, whole", () => {
    const { page, kept } = open();
    page.metrilo.viewProduct(7);
    page.document.URL = "https://shop.test/next";
    page.ometria.identify("a@x.com");
    const notes = Object.keys(kept).map((key) => [key, JSON.parse(kept[key])]);
    assert.deepEqual(notes.map(([key, [id]]) => key === id && /^tillroll:0\.\d+\.\d$/.test(key)), [true, true]);
    const { time } = { time: notes[0][1][1] };
    assert.ok(Math.abs(Date.now() - time) < 10_000);
    assert.deepEqual(notes[0][1].slice(2), ["https://shop.test/", "https://x/", "Shop", "metrilo", "viewProduct", [7]]);
    assert.deepEqual(notes[1][1].slice(2), ["https://shop.test/next", "https://x/", "Shop", "ometria", "identify", ["a@x.com"]]);
  });

  test("nothing before consent, against the browser's word, of endless length, or beside two hundred other things", () => {
    const silent = [open({}, MEMORY_SNIPPET), open({ navigator: { globalPrivacyControl: true } }), open({}, PERSISTENT_SNIPPET, { length: 200 })];
    for (const { page, kept } of silent) {
      page.metrilo.viewProduct(7);
      assert.deepEqual(Object.keys(kept).filter((key) => key !== "length"), []);
      assert.equal(page.tillroll.length, 1);
    }
    const { page, kept } = open();
    page.metrilo.viewProduct("7".repeat(8_000));
    assert.deepEqual(Object.keys(kept), []);
  });

  test("what cannot be written hinders nothing else", () => {
    const { page, kept } = open();
    const cycle = {};
    cycle.self = cycle;
    page.metrilo.viewProduct(cycle);
    page.metrilo.checkout();
    assert.equal(Object.keys(kept).length, 1);
    assert.equal(page.tillroll.length, 2);
  });
});
