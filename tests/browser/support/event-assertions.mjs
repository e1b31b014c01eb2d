// Assertions on the events that the collector stored.

import assert from "node:assert/strict";

/** Asserts that each custom event of `names` was stored exactly once, and no other custom event. */
export const assertStoredOnce = (events, names) => {
  const stored = events.filter(({ type }) => type === "custom").map(({ params }) => params.name);
  const lost = names.filter((name) => !stored.includes(name));
  const duplicated = stored.filter((name, at) => stored.indexOf(name) !== at);
  assert.deepEqual({ lost, duplicated }, { lost: [], duplicated: [] });
  assert.equal(stored.length, names.length, `the page never called ${stored.filter((name) => !names.includes(name))}`);
};
