// The table of call shapes, up to the core's door: `in` on the facade gives `calls`, read from the very texts that the core gets.

import assert from "node:assert/strict";
import { before, test } from "node:test";

import { expand } from "../../tests/compat/expand.mjs";
import { rows } from "../../tests/compat/rows.mjs";
import { record } from "../record.js";
import { hearFirst } from "./metrilo-stub.js";
import { firstGeneration } from "./metrilo-v1.js";
import { metrilo } from "./metrilo.js";

const PAGE = { url: "https://shop.test/page", title: "Shirts | Shop" };

before(() => {
  globalThis.document = { title: PAGE.title, referrer: "" };
  globalThis.location = { href: PAGE.url };
});

/** Reads flat text as plain JSON; the counterpart in Rust is protocol/src/loose.rs. A number that JSON cannot hold stays a text. */
const parse = (text) => {
  let at = 0;
  const word = () => text.slice(at, (at = text.indexOf("\x1f", at) + 1) - 1);
  const value = () => {
    const sign = text[at++];
    if (sign === "y" || sign === "n") return sign === "y";
    if (sign === "$") return word();
    if (sign === "#") {
      const digits = word();
      return String(Number(digits)) === digits ? Number(digits) : { $number: digits };
    }
    if (sign === "z") return null;
    const list = [];
    const object = {};
    while (sign === "[" && text[at] !== "]") list.push(value());
    while (sign === "{" && text[at] === ":") {
      at++;
      object[word()] = value();
    }
    assert.equal(text[at++], sign === "[" ? "]" : "}", `at ${at} of ${JSON.stringify(text.slice(0, 1000))}`);
    return sign === "[" ? list : object;
  };
  const read = value();
  assert.equal(at, text.length);
  return read;
};

/** Returns what a page's calls say, as `[type, params, api]`. */
const play = ({ in: calls, stub }) => {
  const said = [];
  // Texts cross into WebAssembly well formed.
  const say = (api) => (type, params) => {
    const call = parse(record(api, type, params).text.toWellFormed());
    said.push([call.type, call.params, call.api]);
  };
  const target = stub ? Object.assign([], { q: [] }) : {};
  metrilo(target, say("metrilo"));
  const second = { ...target };
  const play = firstGeneration(say("metrilo-v1"), second);
  hearFirst(target, (entry) => play(entry));
  for (const [name, ...args] of calls) assert.equal(target[name](...args), undefined, `${name} returns something`);
  return said;
};

/** Puts whatever was said in the place of what the row leaves open. */
const close = (wanted, said) => {
  if (!wanted || typeof wanted !== "object") return wanted;
  if (wanted.$ === "any") return said;
  if (typeof wanted.$ === "string") return expand(wanted);
  if (Array.isArray(wanted)) return wanted.map((element, at) => close(element, said?.[at]));
  return Object.fromEntries(Object.entries(wanted).map(([name, member]) => [name, close(member, said?.[name])]));
};

const filled = (row) => JSON.parse(JSON.stringify(row).replaceAll("{page}", PAGE.url).replaceAll("{title}", PAGE.title));

for (const row of rows("metrilo").map(filled)) {
  test(row.title, () => {
    const said = play({ ...row, in: expand(row.in) });
    const wanted = row.calls.map(([type, params, api = row.api], at) => [type, close(params, said[at]?.[1]), api]);
    assert.deepEqual(said, wanted);
  });
}
