// What the browser remembers of the visitor between pages, as far as it is read before the core is there. Writing it comes with the core.

import { quietly } from "./quiet.js";

/** Where local storage holds what was said before, in any tab; see protocol/src/visitor_context/dedup.rs. */
export const NOTES = "tillroll-notes";

/** Returns what the cookie `name` holds; an empty text where there is none. */
export const find = (name) =>
  quietly(() => {
    const text = document.cookie.split("; ").find((cookie) => cookie.startsWith(name + "=")).slice(name.length + 1);
    return quietly(decodeURIComponent, text) || text;
  }) || "";

/** The cookie where there is one: what local storage says counts only while cookies are refused. */
export const recall = (name) => find(name) || quietly(() => localStorage.getItem(name)) || "";
