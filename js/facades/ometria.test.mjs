// The table of call shapes of `window.ometria` up to the core, and the behaviour of the object before the core has loaded.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";

import { expand } from "../../tests/compat/support/expand-markers.mjs";
import { parseFlat } from "../../tests/compat/support/parse-flat.mjs";
import { fillPlaceholders, tableRows } from "../../tests/compat/support/tables.mjs";
import { createCall } from "../calls/create-call.js";
import { installMetrilo } from "./metrilo.js";
import { installOmetria } from "./ometria.js";

const PAGE = { url: "https://shop.test/page", title: "Shirts | Shop" };

let firePageHide;

before(() => {
  globalThis.window = globalThis;
  // The library takes the functions of a node from its prototype.
  const addEventListener = (name, listener) => name === "pagehide" && (firePageHide = listener);
  globalThis.document = Object.assign(Object.create({ addEventListener }), { title: PAGE.title, referrer: "" });
  globalThis.location = { href: PAGE.url };
});

/** Installs the methods on `existing`; returns it with the calls that it makes, as `[type, params, api, store]`. */
const install = (existing = {}, getVisitor = () => "") => {
  const calls = [];
  const track = (api) => (type, params, extra) => {
    const call = parseFlat(createCall(api, type, params, extra).text.toWellFormed());
    calls.push([call.type, call.params, call.api, ...(call.store ? [call.store] : [])]);
  };
  installOmetria(existing, track("ometria"), getVisitor);
  const metrilo = {};
  installMetrilo(metrilo, track("metrilo"));
  globalThis.ometria = existing;
  return { calls, target: existing, metrilo };
};

describe("call shapes", () => {
  for (const row of tableRows("ometria")) {
    test(row.title, () => {
      const { calls, target, metrilo } = install();
      target.init();
      calls.length = 0;
      for (const [name, ...args] of row.in) {
        const [method, object = target] = name.startsWith("metrilo.") ? [name.slice(8), metrilo] : [name];
        assert.equal(object[method](...expand(args)), undefined, `${name} returns a value`);
      }
      const expected = row.calls.map(([type, params, api, store], at) => {
        const expectedStore = store ?? calls[at]?.[3];
        return [type, fillPlaceholders(params, calls[at]?.[1]), api ?? row.api, ...(expectedStore ? [expectedStore] : [])];
      });
      assert.deepEqual(calls, expected);
    });
  }
});

describe("the object", () => {
  test("calls before the first init wait for it or for pagehide", () => {
    const { calls, target } = install();
    target.identify("a@x.com");
    target.trackCheckout();
    assert.deepEqual(calls, []);
    target.init("checkout", null, "uk");
    assert.deepEqual(calls.map(([type]) => type), ["page_view", "identify", "checkout"]);
    target.trackCheckout();
    assert.deepEqual(calls.at(-1), ["checkout", {}, "ometria", "uk"]);
    const other = install();
    other.target.identify("a@x.com");
    firePageHide();
    firePageHide();
    assert.deepEqual(other.calls.map(([type]) => type), ["identify"]);
  });

  test("an existing object is extended in place and keeps its properties", () => {
    const raw_data = { store: 1, type: "product", data: { id: 42 }, product_map: false };
    const stubCalls = [];
    const stub = function (...args) {
      stubCalls.push([this, ...args]);
      throw new Error("an exception of the stub");
    };
    let loaded = 0;
    const existing = { raw_data, identify: stub, onLoad: () => (loaded++, target().fail()), theirs: 1 };
    const target = () => existing;
    const { calls } = install(existing);
    assert.deepEqual(calls, [["product_view", { product_id: "42", page_type: "product", data: { id: 42 } }, "ometria", "1"]]);
    assert.deepEqual([existing.theirs, existing.raw_data, loaded], [1, raw_data, 1]);
    existing.identify("a@x.com", { name: "A" });
    assert.deepEqual(stubCalls, [[existing, "a@x.com", { name: "A" }]]);
    assert.deepEqual(calls.at(-1), ["identify", { email: "a@x.com" }, "ometria", "1"]);
    existing.init();
    assert.equal(calls.at(-1)[0], "product_view");
    existing.trackCheckout = () => "theirs";
    assert.equal(existing.trackCheckout(), "theirs");
  });

  test("raw_data without data is the page data itself", () => {
    const raw_data = { store: 2, type: "category", data: false, category: { id: 7 } };
    assert.deepEqual(install({ raw_data }).calls, [["page_view", { page_type: "category", data: raw_data }, "ometria", "2"]]);
    assert.deepEqual(install({ raw_data: {} }).calls, []);
  });

  test("an object with init, the vendor's own tag, is not changed", () => {
    const init = () => {};
    const existing = { init };
    install(existing);
    assert.deepEqual(existing, { init });
  });

  test("the basket is live and never null", () => {
    const { target } = install({ basket: { size: 0 } });
    assert.equal(target.basket.size, 0);
    const basket = new target.Basket();
    target.setBasket(basket);
    basket.addLineItem("1", "2", 5);
    // As in the event, a line of zero is no line.
    basket.addLineItem("2", 0, 5);
    assert.equal(target.basket.size, 2);
    basket.addLineItem("3", "1,5", 5);
    assert.equal(target.basket.size, 3.5);
    for (const none of [null, undefined, 7, {}]) {
      target.setBasket(none);
      assert.equal(target.basket.size, 0);
    }
    target.setBasket({ items: { 1: { product_id: 1, quantity: 3 }, 4: null } });
    assert.equal(target.basket.size, 4);
    for (const items of [null, undefined, 7, { 1: { quantity: 3 } }]) {
      const odd = new target.Basket({ items });
      odd.addLineItem("1", 2, 5);
      assert.equal(odd.items.at(-1).product_id, "1");
    }
  });

  test("getIdentity returns the visitor", () => {
    assert.equal(install({}, () => "a@x.com").target.getIdentity(), "a@x.com");
  });
});
