// The table of call shapes: what a page writes, what the facade makes of it, what is stored. One file a theme, one row a shape.
//
// {
//   "title": …,
//   "in": [[function, argument, …], …]          calls on the vendor's object; markers of expand.mjs stand for what JSON cannot say
//   "calls": [[type, params, api?, store?], …]  what reaches the core, as plain JSON; no api, or null for one, is the file's
//   "out": [{"type", "params", "api"?, "store"?}, …]  what is stored, whole, the store where it is named; "{page}" and "{title}" are those
//                                               of the page
//   "ignored": n                                how many of the calls mean nothing, and are counted
// }

import { readFileSync, readdirSync } from "node:fs";

import { expand } from "./expand.mjs";

/** Returns every row of a vendor, with the name of its file and whether its page carries a stub of the first generation. */
export const rows = (vendor) => {
  const folder = new URL(`./${vendor}/`, import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith(".json")).sort();
  return files.flatMap((name) => {
    const { api, stub = false, rows } = JSON.parse(readFileSync(new URL(name, folder), "utf8"));
    return rows.map((row) => ({ ignored: 0, ...row, title: `${name.slice(0, -5)}: ${row.title}`, api, stub }));
  });
};

/** Returns the events that a row's page stores, as `{type, api, params}`. */
export const stored = ({ out, api }, page) => {
  const fill = (value) => {
    if (typeof value === "string") return value.replaceAll("{page}", page.url).replaceAll("{title}", page.title);
    if (Array.isArray(value)) return value.map(fill);
    if (!value || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, fill(member)]));
  };
  return out.map((event) => fill(expand({ api, ...event })));
};

/** Puts whatever was said in the place of what the row leaves open. */
export const close = (wanted, said) => {
  if (!wanted || typeof wanted !== "object") return wanted;
  if (wanted.$ === "any") return said;
  if (typeof wanted.$ === "string") return expand(wanted);
  if (Array.isArray(wanted)) return wanted.map((element, at) => close(element, said?.[at]));
  return Object.fromEntries(Object.entries(wanted).map(([name, member]) => [name, close(member, said?.[name])]));
};
