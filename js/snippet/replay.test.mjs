// The replay of raw calls: persisted entries and the snippet's records go in, the calls of the core come out, equal for each replay.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";

import { parseFlat } from "../../tests/compat/support/parse-flat.mjs";
import { decodeFlat } from "../calls/flat-decode.js";
import { encodeFlat } from "../calls/flat-encode.js";
import { deriveSeed, install } from "./replay.js";

const NOON = 1_800_000_000_000;
const live = { raw_data: {}, basket: { items: [] }, Basket: Object };

before(() => {
  globalThis.window = { ometria: live, metrilo: {}, Date };
  globalThis.location = { href: "https://shop.test/now" };
});

/** Returns the record of the inline snippet for the call number `at` of page `page`. */
const record = (page, at, object, method, ...given) => [`tillroll:${page}.${at}`, NOON + at, `https://shop.test/${page}`, "https://x/", "A page", object, method, given];

/** Returns records as persisted entries: pairs of key and text. */
const persisted = (...records) => records.map((one) => [one[0].slice("tillroll:".length), JSON.stringify(one)]);

/** Replays entries and the snippet's records; returns what the core restores, the calls behind that, and the deleted keys. */
const replay = (entries, records = []) => {
  const result = { restored: [], called: [], deleted: [] };
  const core = { restore: (pairs) => (result.restored = pairs), call: (key, text) => result.called.push([key, text]) };
  install(core, { name: "shop", delete: (keys) => (result.deleted = keys) }, records);
  core.restore(entries);
  result.calls = result.restored.map(([, text]) => (text[1] === ":" ? parseFlat(text) : text));
  return result;
};

const short = ({ api, type, params }) => [api, type, params];

describe("records of a page on which the library never loaded", () => {
  const records = [
    record("0.5", 0, "ometria", "identify", "a@x.com"),
    record("0.5", 1, "metrilo", "viewProduct", 7),
    record("0.5", 2, "ometria", "init", "homepage", null, "uk"),
    record("0.5", 3, "metrilo", "viewPage", "https://shop.test/", { name: "Home" }),
    record("0.5", 4, "metrilo", "integrateForm", { formSelector: "form" }),
    record("0.5", 5, "metrilo", "nonsense"),
    record("0.5", 6, "ometria", "getIdentity"),
    record("0.5", 10, "metrilo", "event", "checkout_start", []),
  ];

  test("become the calls of that page, in order, with their time and page", () => {
    const { calls, deleted, called } = replay(persisted(...records));
    assert.deepEqual(calls.map(short), [
      ["ometria", "page_view", { page_type: "homepage" }],
      ["ometria", "identify", { email: "a@x.com" }],
      ["metrilo", "product_view", { product_id: 7 }],
      ["metrilo", "page_view", { url: "https://shop.test/", name: "Home" }],
      ["metrilo-v1", "checkout", {}],
    ]);
    assert.deepEqual(calls.map(({ time }) => time - NOON), [2, 0, 1, 3, 10]);
    assert.ok(calls.every(({ url, referrer, title, seed }) => url === "https://shop.test/0.5" && referrer === "https://x/" && title === "A page" && /^[\da-f]{42}$/.test(seed)));
    assert.equal(calls[0].store, "uk");
    assert.equal(deleted.length, records.length);
    assert.deepEqual(called, []);
  });

  test("result in the same calls for each replay, with distinct ids", () => {
    const [one, other] = [replay(persisted(...records)), replay(persisted(...records).reverse())];
    assert.deepEqual(one.restored, other.restored);
    assert.equal(new Set(one.calls.map(({ seed }) => seed)).size, one.calls.length);
    assert.ok(one.restored.every(([key]) => /^\d{13}-1\d{6}-[\da-f]{6}[1-9]$/.test(key)));
  });

  test("come behind all other entries, page by page", () => {
    const event = '{"id":"1"}';
    const [older, younger] = [record("0.7", 0, "metrilo", "checkout"), record("0.2", 3, "metrilo", "search", "shoe")];
    const { calls } = replay([...persisted(younger), ...persisted(older), ["1800-1-a1", event]]);
    assert.deepEqual([calls[0], ...calls.slice(1).map(({ type }) => type)], [event, "search", "checkout"]);
  });

  test("come behind the load call of a page that has sent that already", () => {
    const loadCall = encodeFlat({ time: NOON, seed: "0a".repeat(21), api: "tillroll", type: "land" });
    for (const isSent of [true, false]) {
      window.localStorage = { getItem: (key) => (key === "shop.early" && isSent ? `[${loadCall}]` : null) };
      const { restored, called } = replay([...persisted(record("0.7", 0, "metrilo", "checkout")), ["1800-1-a1c", loadCall]]);
      assert.deepEqual([restored.length, called.length], isSent ? [1, 1] : [2, 0]);
    }
    delete window.localStorage;
  });
});

describe("records of this page", () => {
  test("are called after the restored entries, and not restored as well", () => {
    const records = [record("0.5", 0, "metrilo", "viewProduct", 7), record("0.5", 1, "metrilo", "checkout")];
    const { restored, called, deleted } = replay(persisted(...records), records);
    assert.deepEqual(restored, []);
    assert.deepEqual(called.map(([, text]) => parseFlat(text).type), ["product_view", "checkout"]);
    assert.equal(deleted.length, 2);
    assert.deepEqual(called, replay(persisted(...records)).restored, "a later page creates the same calls");
  });

  test("a basket that the snippet recorded becomes the page's basket", () => {
    const basket = { size: 0, calls: [["setTotal", "12.00", "GBP"], ["addLineItem", "7", 2, 6]], basket_id: "b" };
    const [[, text]] = replay([], [record("0.5", 0, "ometria", "setBasket", basket)]).called;
    const line = { product_id: "7", quantity: 2, price: 6 };
    assert.deepEqual(parseFlat(text).params, { lines: [line], total: "12.00", currency: "GBP", basket_id: "b" });
    assert.equal(live.basket.items.length, 1);
  });

  test("a form is integrated", () => {
    const integrated = [];
    window.metrilo.integrateForm = (options) => integrated.push(options);
    const form = { formSelector: "form", email: "email" };
    assert.deepEqual(replay([], [record("0.5", 0, "metrilo", "integrateForm", form)]).called, []);
    assert.deepEqual(integrated, [form]);
  });
});

describe("v1 calls", () => {
  const v1Entry = (key, call) => [[key, encodeFlat({ time: NOON, seed: "0a".repeat(21), api: "metrilo-v1", type: "tillroll:", url: "https://x/", referrer: "", title: "T", params: call })]];

  test("are replaced by their parts, each with its own id", () => {
    const { restored, calls, deleted } = replay(v1Entry("1800000000000-1000003-0a0a0a1", ["identify", "A@x.com", { name: "Ann Other", tags: ["a"] }]));
    assert.deepEqual(calls.map(({ type }) => type), ["identify", "customer_details", "tag"]);
    assert.deepEqual(restored.map(([key]) => key.slice(-2)), ["a1", "a2", "a3"]);
    // The counter of the raw call, then one of the parts, so that their ids increase in this order.
    assert.deepEqual(calls.map(({ seed }) => seed.slice(0, 6)), ["0a0a00", "0a0a01", "0a0a02"]);
    assert.equal(new Set(calls.map(({ seed }) => seed.slice(6))).size, 3);
    assert.deepEqual(deleted, []);
  });

  test("without an equivalent are deleted", () => {
    for (const call of [null, "event", 7, [], {}, ["nonsense"], ["push", 1], [{}], undefined, ["debug"]]) {
      assert.deepEqual(replay(v1Entry("1-1-a1", call)).deleted, ["1-1-a1"], JSON.stringify(call));
    }
  });

  test("an unnamed page view has the document title as its name", () => {
    assert.deepEqual(replay(v1Entry("1-1-a1", ["pageview"])).calls.map(short), [["metrilo-v1", "page_view", { name: "T" }]]);
  });
});

test("other entries, damaged ones too, are restored unchanged", () => {
  const others = [["1-1-a1", "{"], ["1-2-a1", '["a list"]'], ["1-3-a1", encodeFlat({ type: "checkout" })], ["1-4-a1", ""]];
  assert.deepEqual(replay(others).restored, others);
});

test("a record that names an object's prototype as its page is replayed like any other", () => {
  const record = ["tillroll:__proto__.0", NOON, "https://shop.test/", "", "", "metrilo", "viewProduct", [7]];
  const { calls } = replay([["1-1-a1", "{}"], ...persisted(record)]);
  assert.deepEqual(calls.slice(1).map(short), [["metrilo", "product_view", { product_id: 7 }]]);
});

test("a decoded flat text equals the encoded value", () => {
  for (const value of [null, "", "a\nü", 0, -1.5, 1e21, 12345678901234567890n, true, false, [], {}, [1, [null, "x"]], { a: { b: [false] }, "": "z" }]) {
    assert.deepEqual(decodeFlat(encodeFlat(value)), value);
  }
  for (const text of ["", "x", "$a", "[", "{:a\x1f", "[z"]) assert.throws(() => decodeFlat(text), text);
});

test("seeds of different texts share no prefix", () => {
  const seeds = Array.from({ length: 2_000 }, (_, at) => deriveSeed(`0.5.${at}`));
  assert.equal(new Set(seeds).size, seeds.length);
  assert.equal(new Set(seeds.map((seed) => seed.slice(0, 8))).size, seeds.length);
  assert.ok(seeds.every((seed) => /^[\da-f]{42}$/.test(seed)));
});
