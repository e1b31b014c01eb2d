// Asserting on what the collector stored: what must be there, and what must not.

import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";

/** Returns whether `actual` has everything that `wanted` has, to any depth; lists must match whole. */
export const matches = (actual, wanted) => {
  if (Array.isArray(wanted)) return Array.isArray(actual) && wanted.length === actual.length && wanted.every((one, at) => matches(actual[at], one));
  if (wanted && typeof wanted === "object") {
    return Boolean(actual) && typeof actual === "object" && Object.keys(wanted).every((key) => matches(actual[key], wanted[key]));
  }
  return isDeepStrictEqual(actual, wanted);
};

/**
 * Runs `action` on `page` and waits until a marker called after it is stored: everything called before the marker is stored by then,
 * because order is kept. Then each of `expected` must be among the new events, in that order, and none of `refuted`.
 */
export const expectEvents = async ({ page, collector, action, expected = [], refuted = [], exactly = false }) => {
  const before = (await collector.events()).length;
  await action();
  const marker = `marker-${before}-${Math.round(performance.now())}`;
  await page.evaluate((name) => window.metrilo.customEvent(name), marker);
  const isMarker = (event) => event.type === "custom" && event.params.name === marker;
  const events = (await collector.until((all) => all.some(isMarker))).slice(before).filter((event) => !isMarker(event));
  let at = 0;
  for (const wanted of expected) {
    const found = events.findIndex((event, index) => index >= at && matches(event, wanted));
    assert.notEqual(found, -1, `expected ${JSON.stringify(wanted)} in ${JSON.stringify(events.map((event) => [event.type, event.params]))}`);
    at = found + 1;
  }
  for (const unwanted of refuted) {
    assert.equal(events.find((event) => matches(event, unwanted)), undefined, `refuted ${JSON.stringify(unwanted)}`);
  }
  if (exactly) assert.deepEqual(events.map((event) => event.type), expected.map((event) => event.type));
  const ids = events.map((event) => event.id);
  assert.equal(new Set(ids).size, ids.length, "an event is stored twice");
  return events;
};

/** Asserts that of the custom events that were called as `names` none is lost and none stored twice. */
export const assertOnce = (events, names) => {
  const stored = events.filter(({ type }) => type === "custom").map(({ params }) => params.name);
  const lost = names.filter((name) => !stored.includes(name));
  const twice = stored.filter((name, at) => stored.indexOf(name) !== at);
  assert.deepEqual({ lost, twice }, { lost: [], twice: [] });
  assert.equal(stored.length, names.length, `nobody called ${stored.filter((name) => !names.includes(name))}`);
};
