// The table of call shapes up to the core: `in` on the facade results in `calls`, decoded from the texts that the core gets.

import assert from "node:assert/strict";
import { before, test } from "node:test";

import { expand } from "../../tests/compat/support/expand-markers.mjs";
import { parseFlat } from "../../tests/compat/support/parse-flat.mjs";
import { fillPlaceholders, tableRows } from "../../tests/compat/support/tables.mjs";
import { createCall } from "../calls/create-call.js";
import { install as installReplay } from "../snippet/replay.js";
import { RAW_CALL_MARKER } from "../storage/event-store.js";
import { installV1Stub } from "./metrilo-v1-stub.js";
import { installMetrilo } from "./metrilo.js";

const PAGE = { url: "https://shop.test/page", title: "Shirts | Shop" };

before(() => {
  globalThis.window = globalThis;
  globalThis.document = { title: PAGE.title, referrer: "" };
  globalThis.location = { href: PAGE.url };
});

/** Returns the calls that the core gets for a row, as `[type, params, api]`. */
const run = ({ in: calls, stub }) => {
  const received = [];
  // wasm-bindgen replaces lone surrogates, as `toWellFormed` does.
  const core = {
    call: (_, text) => {
      const call = parseFlat(text.toWellFormed());
      received.push([call.type, call.params, call.api]);
    },
  };
  const track = (api) => (type, params) => {
    const { key, text } = createCall(api, type, params);
    core.call(key, text);
  };
  installReplay(core, { delete: () => {} }, []);
  const target = stub ? Object.assign([], { q: [] }) : {};
  installMetrilo(target, track("metrilo"));
  installV1Stub(target, (call) => track("metrilo-v1")(RAW_CALL_MARKER, call));
  for (const [name, ...args] of calls) assert.equal(target[name](...args), undefined, `${name} returns a value`);
  return received;
};

const fillPage = (row) => JSON.parse(JSON.stringify(row).replaceAll("{page}", PAGE.url).replaceAll("{title}", PAGE.title));

for (const row of tableRows("metrilo").map(fillPage)) {
  test(row.title, () => {
    const received = run({ ...row, in: expand(row.in) });
    const expected = row.calls.map(([type, params, api = row.api], at) => [type, fillPlaceholders(params, received[at]?.[1]), api]);
    assert.deepEqual(received, expected);
  });
}
