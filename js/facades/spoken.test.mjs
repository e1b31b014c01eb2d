// What was said before anybody understood it: kept texts and the snippet's notes go in, the core's calls come out, the same ones however
// often that happens.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";

import { parseFlat } from "../../tests/compat/support/parse-flat.mjs";
import { flat } from "../loose.js";
import { read } from "../read.js";
import { seedOf, teach } from "./spoken.js";

const NOON = 1_800_000_000_000;
const live = { raw_data: {}, basket: { items: [] }, Basket: Object };

before(() => {
  globalThis.window = { ometria: live, metrilo: {} };
  globalThis.location = { href: "https://shop.test/now" };
});

/** A note of page `page`, its `at`th. */
const note = (page, at, object, method, ...given) => [`tillroll:${page}.${at}`, NOON + at, `https://shop.test/${page}`, "https://x/", "A page", object, method, given];
const kept = (...notes) => notes.flatMap((one) => [one[0].slice("tillroll:".length), JSON.stringify(one)]);

/** Returns what the core gets: what is restored, what is called behind that, and what is forgotten. */
const play = (given, notes = []) => {
  const got = { restored: [], called: [], forgotten: [] };
  const core = { restore: (pairs) => (got.restored = pairs), call: (key, text) => got.called.push([key, text]) };
  teach(core, { forget: (keys) => (got.forgotten = keys) }, notes);
  core.restore(given);
  got.calls = got.restored.filter((_, at) => at % 2).map((text) => (text[1] === ":" ? parseFlat(text) : text));
  return got;
};

const short = ({ api, type, params }) => [api, type, params];

describe("notes of a page that the library never reached", () => {
  const notes = [
    note("0.5", 0, "ometria", "identify", "a@x.com"),
    note("0.5", 1, "metrilo", "viewProduct", 7),
    note("0.5", 2, "ometria", "init", "homepage", null, "uk"),
    note("0.5", 3, "metrilo", "viewPage", "https://shop.test/", { name: "Home" }),
    note("0.5", 4, "metrilo", "integrateForm", { formSelector: "form" }),
    note("0.5", 5, "metrilo", "nonsense"),
    note("0.5", 6, "ometria", "getIdentity"),
    note("0.5", 10, "metrilo", "event", "checkout_start", []),
  ];

  test("become its calls, in their order, with their own times and page", () => {
    const { calls, forgotten, called } = play(kept(...notes));
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
    assert.equal(forgotten.length, notes.length);
    assert.deepEqual(called, []);
  });

  test("are the same calls for whoever finds them, and differ from each other", () => {
    const [one, other] = [play(kept(...notes)), play(kept(...notes).reverse().flatMap((_, at, all) => (at % 2 ? [all[at], all[at - 1]] : [])))];
    assert.deepEqual(one.restored, other.restored);
    assert.equal(new Set(one.calls.map(({ seed }) => seed)).size, one.calls.length);
    assert.ok(one.restored.filter((_, at) => at % 2 === 0).every((key) => /^\d{13}-1\d{6}-[\da-f]{6}[1-9]$/.test(key)));
  });

  test("come behind what else is kept, page by page", () => {
    const event = '{"id":"1"}';
    const [older, younger] = [note("0.7", 0, "metrilo", "checkout"), note("0.2", 3, "metrilo", "search", "shoe")];
    const { calls } = play([...kept(younger), ...kept(older), "1800-1-a1", event]);
    assert.deepEqual([calls[0], ...calls.slice(1).map(({ type }) => type)], [event, "search", "checkout"]);
  });
});

describe("notes of this very page", () => {
  test("are called behind what is restored, and not restored as well", () => {
    const notes = [note("0.5", 0, "metrilo", "viewProduct", 7), note("0.5", 1, "metrilo", "checkout")];
    const { restored, called, forgotten } = play(kept(...notes), notes);
    assert.deepEqual(restored, []);
    assert.deepEqual(called.map(([, text]) => parseFlat(text).type), ["product_view", "checkout"]);
    assert.equal(forgotten.length, 2);
    assert.deepEqual(called.flat(), play(kept(...notes)).restored, "the next page would have made the same");
  });

  test("a basket that was built meanwhile is a basket, and the page's", () => {
    const basket = { size: 0, calls: [["setTotal", "12.00", "GBP"], ["addLineItem", "7", 2, 6]], basket_id: "b" };
    const [[, text]] = play([], [note("0.5", 0, "ometria", "setBasket", basket)]).called;
    const line = { product_id: "7", quantity: 2, price: 6 };
    assert.deepEqual(parseFlat(text).params, { lines: [line], total: "12.00", currency: "GBP", basket_id: "b" });
    assert.equal(live.basket.items.length, 1);
  });

  test("a form is integrated", () => {
    const asked = [];
    window.metrilo.integrateForm = (options) => asked.push(options);
    const form = { formSelector: "form", email: "email" };
    assert.deepEqual(play([], [note("0.5", 0, "metrilo", "integrateForm", form)]).called, []);
    assert.deepEqual(asked, [form]);
  });
});

describe("calls of the first generation", () => {
  const spoken = (key, entry) => [key, flat({ time: NOON, seed: "0a".repeat(21), api: "metrilo-v1", type: "tillroll:", url: "https://x/", referrer: "", title: "T", params: entry })];

  test("take the place of what was kept, each part with an id of its own", () => {
    const { restored, calls, forgotten } = play(spoken("1800000000000-1000003-0a0a0a1", ["identify", "A@x.com", { name: "Ann Other", tags: ["a"] }]));
    assert.deepEqual(calls.map(({ type }) => type), ["identify", "customer_details", "tag"]);
    assert.deepEqual(restored.filter((_, at) => at % 2 === 0).map((key) => key.slice(-2)), ["a1", "a2", "a3"]);
    // They count as the call did, and then by themselves, so that their ids grow in this order.
    assert.deepEqual(calls.map(({ seed }) => seed.slice(0, 6)), ["0a0a00", "0a0a01", "0a0a02"]);
    assert.equal(new Set(calls.map(({ seed }) => seed.slice(6))).size, 3);
    assert.deepEqual(forgotten, []);
  });

  test("that mean nothing are forgotten", () => {
    for (const entry of [null, "event", 7, [], {}, ["nonsense"], ["push", 1], [{}], undefined, ["debug"]]) {
      assert.deepEqual(play(spoken("1-1-a1", entry)).forgotten, ["1-1-a1"], JSON.stringify(entry));
    }
  });

  test("the name of a page is its title's, as it was", () => {
    assert.deepEqual(play(spoken("1-1-a1", ["pageview"])).calls.map(short), [["metrilo-v1", "page_view", { name: "T" }]]);
  });
});

test("what is no call passes", () => {
  const others = ["1-1-a1", "{", "1-2-a1", '["a list"]', "1-3-a1", flat({ type: "checkout" }), "1-4-a1", ""];
  const { restored } = play(others);
  assert.deepEqual(restored.filter((_, at) => at % 2 === 0), ["1-1-a1", "1-3-a1", "1-4-a1"]);
});

test("flat texts are read as they were written", () => {
  for (const value of [null, "", "a\nü", 0, -1.5, 1e21, 12345678901234567890n, true, false, [], {}, [1, [null, "x"]], { a: { b: [false] }, "": "z" }]) {
    assert.deepEqual(read(flat(value)), value);
  }
  for (const text of ["", "x", "$a", "[", "{:a\x1f", "[z"]) assert.throws(() => read(text), text);
});

test("seeds of different texts have nothing in common", () => {
  const seeds = Array.from({ length: 2_000 }, (_, at) => seedOf(`0.5.${at}`));
  assert.equal(new Set(seeds).size, seeds.length);
  assert.equal(new Set(seeds.map((seed) => seed.slice(0, 8))).size, seeds.length);
  assert.ok(seeds.every((seed) => /^[\da-f]{42}$/.test(seed)));
});
