// The table of call shapes, up to the core's door: `in` on the facade gives `calls`, read from the very texts that the core gets.

import assert from "node:assert/strict";
import { before, test } from "node:test";

import { expand } from "../../tests/compat/support/expand-markers.mjs";
import { parseFlat } from "../../tests/compat/support/parse-flat.mjs";
import { fillPlaceholders, tableRows } from "../../tests/compat/support/tables.mjs";
import { record } from "../record.js";
import { SPOKEN } from "../store.js";
import { hearFirst } from "./metrilo-stub.js";
import { metrilo } from "./metrilo.js";
import { teach } from "./spoken.js";

const PAGE = { url: "https://shop.test/page", title: "Shirts | Shop" };

before(() => {
  globalThis.document = { title: PAGE.title, referrer: "" };
  globalThis.location = { href: PAGE.url };
});

/** Returns what a page's calls say, as `[type, params, api]`. */
const play = ({ in: calls, stub }) => {
  const said = [];
  // Texts cross into WebAssembly well formed.
  const core = {
    call: (_, text) => {
      const call = parseFlat(text.toWellFormed());
      said.push([call.type, call.params, call.api]);
    },
  };
  const say = (api) => (type, params) => {
    const { key, text } = record(api, type, params);
    core.call(key, text);
  };
  teach(core, { forget: () => {} }, []);
  const target = stub ? Object.assign([], { q: [] }) : {};
  metrilo(target, say("metrilo"));
  hearFirst(target, (entry) => say("metrilo-v1")(SPOKEN, entry));
  for (const [name, ...args] of calls) assert.equal(target[name](...args), undefined, `${name} returns something`);
  return said;
};

const filled = (row) => JSON.parse(JSON.stringify(row).replaceAll("{page}", PAGE.url).replaceAll("{title}", PAGE.title));

for (const row of tableRows("metrilo").map(filled)) {
  test(row.title, () => {
    const said = play({ ...row, in: expand(row.in) });
    const wanted = row.calls.map(([type, params, api = row.api], at) => [type, fillPlaceholders(params, said[at]?.[1]), api]);
    assert.deepEqual(said, wanted);
  });
}
