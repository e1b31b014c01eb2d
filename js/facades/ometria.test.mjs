// The table of Ometria's call shapes, up to the core's door, and what of the object is there at once.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";

import { expand } from "../../tests/compat/support/expand-markers.mjs";
import { parseFlat } from "../../tests/compat/support/parse-flat.mjs";
import { fillPlaceholders, tableRows } from "../../tests/compat/support/tables.mjs";
import { record } from "../record.js";
import { metrilo } from "./metrilo.js";
import { ometria } from "./ometria.js";

const PAGE = { url: "https://shop.test/page", title: "Shirts | Shop" };

let leave;

before(() => {
  globalThis.document = { title: PAGE.title, referrer: "" };
  globalThis.location = { href: PAGE.url };
  globalThis.addEventListener = (name, listener) => name === "pagehide" && (leave = listener);
});

/** Returns Ometria's object on what a page left, with what it said so far, as `[type, params, api, store]`. */
const page = (left = {}, who = () => "") => {
  const said = [];
  const say = (api) => (type, params, extra) => {
    const call = parseFlat(record(api, type, params, extra).text.toWellFormed());
    said.push([call.type, call.params, call.api, ...(call.store ? [call.store] : [])]);
  };
  ometria(left, say("ometria"), who);
  const second = {};
  metrilo(second, say("metrilo"));
  globalThis.ometria = left;
  return { said, target: left, second };
};

describe("call shapes", () => {
  for (const row of tableRows("ometria")) {
    test(row.title, () => {
      const { said, target, second } = page();
      target.init();
      said.length = 0;
      for (const [name, ...args] of row.in) {
        const [word, of = target] = name.startsWith("metrilo.") ? [name.slice(8), second] : [name];
        assert.equal(of[word](...expand(args)), undefined, `${name} returns something`);
      }
      const wanted = row.calls.map(([type, params, api, store], at) => {
        const named = store ?? said[at]?.[3];
        return [type, fillPlaceholders(params, said[at]?.[1]), api ?? row.api, ...(named ? [named] : [])];
      });
      assert.deepEqual(said, wanted);
    });
  }
});

describe("the object", () => {
  test("calls before the first init wait for it, and for nothing but a page that is left", () => {
    const { said, target } = page();
    target.identify("a@x.com");
    target.trackCheckout();
    assert.deepEqual(said, []);
    target.init("checkout", null, "uk");
    assert.deepEqual(said.map(([type]) => type), ["page_view", "identify", "checkout"]);
    target.trackCheckout();
    assert.deepEqual(said.at(-1), ["checkout", {}, "ometria", "uk"]);
    const other = page();
    other.target.identify("a@x.com");
    leave();
    leave();
    assert.deepEqual(other.said.map(([type]) => type), ["identify"]);
  });

  test("what a page left is extended in place, and stays", () => {
    const raw_data = { store: 1, type: "product", data: { id: 42 }, product_map: false };
    const heard = [];
    const stub = function (...args) {
      heard.push([this, ...args]);
      throw new Error("a stub's own mistake");
    };
    let loaded = 0;
    const left = { raw_data, identify: stub, onLoad: () => (loaded++, target().fail()), theirs: 1 };
    const target = () => left;
    const { said } = page(left);
    assert.deepEqual(said, [["product_view", { product_id: "42", page_type: "product", data: { id: 42 } }, "ometria", "1"]]);
    assert.deepEqual([left.theirs, left.raw_data, loaded], [1, raw_data, 1]);
    left.identify("a@x.com", { name: "A" });
    assert.deepEqual(heard, [[left, "a@x.com", { name: "A" }]]);
    assert.deepEqual(said.at(-1), ["identify", { email: "a@x.com" }, "ometria", "1"]);
    left.init();
    assert.equal(said.at(-1)[0], "product_view");
    left.trackCheckout = () => "theirs";
    assert.equal(left.trackCheckout(), "theirs");
  });

  test("raw data without data is the data", () => {
    const raw_data = { store: 2, type: "category", data: false, category: { id: 7 } };
    assert.deepEqual(page({ raw_data }).said, [["page_view", { page_type: "category", data: raw_data }, "ometria", "2"]]);
    assert.deepEqual(page({ raw_data: {} }).said, []);
  });

  test("the vendor's own tag is left alone", () => {
    const init = () => {};
    const left = { init };
    page(left);
    assert.deepEqual(left, { init });
  });

  test("the basket is live and never null", () => {
    const { target } = page({ basket: { size: 0 } });
    assert.equal(target.basket.size, 0);
    const basket = new target.Basket();
    target.setBasket(basket);
    basket.addLineItem("1", "2", 5);
    basket.addLineItem("2", 0, 5);
    assert.equal(target.basket.size, 3);
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

  test("who the visitor is", () => {
    assert.equal(page({}, () => "a@x.com").target.getIdentity(), "a@x.com");
  });
});
