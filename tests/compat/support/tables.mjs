// The compatibility tables: what a page calls, what the facade passes to the core, what the collector stores. One file a topic, one row a
// call shape.
//
// {
//   "title": …,
//   "in": [[function, argument, …], …]          calls on the vendor's object; markers of expand-markers.mjs stand for values that JSON lacks
//   "calls": [[type, params, api?, store?], …]  calls that reach the core, as plain JSON; a missing or null api is that of the file
//   "out": [{"type", "params", "api"?, "store"?}, …]  the complete stored events, with the store where it is named; "{page}" and "{title}"
//                                               are those of the page
//   "ignored": n                                how many of the calls are invalid and counted as ignored
// }

import { readFileSync, readdirSync } from "node:fs";

import { expand } from "./expand-markers.mjs";

/** Returns every row of a vendor, with its file's name in the title and `stub`, which is true if its page has a v1 stub. */
export const tableRows = (vendor) => {
  const folder = new URL(`../${vendor}/`, import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith(".json")).sort();
  return files.flatMap((name) => {
    const { api, stub = false, rows } = JSON.parse(readFileSync(new URL(name, folder), "utf8"));
    return rows.map((row) => ({ ignored: 0, ...row, title: `${name.slice(0, -5)}: ${row.title}`, api, stub }));
  });
};

/** Returns the events that the collector stores for a row, as `{type, api, params, store?}`. */
export const expectedEvents = ({ out, api }, page) => {
  const fill = (value) => {
    if (typeof value === "string") return value.replaceAll("{page}", page.url).replaceAll("{title}", page.title);
    if (Array.isArray(value)) return value.map(fill);
    if (!value || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([name, element]) => [name, fill(element)]));
  };
  return out.map((event) => fill(expand({ api, ...event })));
};

/** Returns `expected` with every `{"$": "any"}` replaced by the value at the same place in `actual`, and other markers expanded. */
export const fillPlaceholders = (expected, actual) => {
  if (!expected || typeof expected !== "object") return expected;
  if (expected.$ === "any") return actual;
  if (typeof expected.$ === "string") return expand(expected);
  if (Array.isArray(expected)) return expected.map((element, at) => fillPlaceholders(element, actual?.[at]));
  return Object.fromEntries(Object.entries(expected).map(([name, element]) => [name, fillPlaceholders(element, actual?.[name])]));
};
