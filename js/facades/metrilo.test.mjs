// The table of call shapes, up to the core's door: `in` on the facade gives `calls`, read from the very texts that the core gets.

import assert from "node:assert/strict";
import { before, test } from "node:test";

import { expand } from "../../tests/compat/expand.mjs";
import { parse } from "../../tests/compat/parse.mjs";
import { close, rows } from "../../tests/compat/rows.mjs";
import { record } from "../record.js";
import { hearFirst } from "./metrilo-stub.js";
import { firstGeneration } from "./metrilo-v1.js";
import { metrilo } from "./metrilo.js";

const PAGE = { url: "https://shop.test/page", title: "Shirts | Shop" };

before(() => {
  globalThis.document = { title: PAGE.title, referrer: "" };
  globalThis.location = { href: PAGE.url };
});

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

const filled = (row) => JSON.parse(JSON.stringify(row).replaceAll("{page}", PAGE.url).replaceAll("{title}", PAGE.title));

for (const row of rows("metrilo").map(filled)) {
  test(row.title, () => {
    const said = play({ ...row, in: expand(row.in) });
    const wanted = row.calls.map(([type, params, api = row.api], at) => [type, close(params, said[at]?.[1]), api]);
    assert.deepEqual(said, wanted);
  });
}
