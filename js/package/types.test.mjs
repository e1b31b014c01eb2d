// The types of the npm package have every function of the vendors' objects, and no other.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { installMetrilo } from "../facades/metrilo.js";
import { installOmetria } from "../facades/ometria.js";

const TYPES = readFileSync(new URL("../index.d.ts", import.meta.url), "utf8");

/** Returns the names of the members of an interface; those of nested objects are indented further. */
const membersOf = (name) => {
  const [, body] = new RegExp(`^export interface ${name} (?:extends \\w+ )?\\{\\n(.*?)^\\}`, "ms").exec(TYPES);
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[(:]/gm)].map(([, member]) => member);
};

const metrilo = {};
installMetrilo(metrilo, () => {});
const ometria = {};
installOmetria(ometria, () => {}, () => "");

/** The interfaces, and the objects that have their members. */
const INTERFACES = { Metrilo: metrilo, Ometria: ometria, Basket: { ...ometria.Basket.prototype, ...ometria.basket } };

describe("the types have the members that exist", () => {
  for (const [name, object] of Object.entries(INTERFACES)) test(name, () => assert.deepEqual(membersOf(name).sort(), Object.keys(object).sort()));
});
