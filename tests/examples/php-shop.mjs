// The pages of examples/php-shop as PHP rendered them, for machines without PHP. Where PHP is installed, a test compares the two.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { configure, startExample } from "../../examples/runner/start.mjs";
import { startShop } from "../browser/support/shop-server.mjs";

const PAGES = { "/": "index", "/product.php": "product", "/thanks.php": "thanks" };

const recorded = (name, project) => configure(readFileSync(new URL(`php-shop/${name}.html`, import.meta.url), "utf8"), project);

/** Serves the recorded pages; returns `{ url, close }`. */
export const startRecorded = (project) => {
  const pages = Object.entries(PAGES).map(([path, name]) => [path, () => ({ type: "text/html", body: recorded(name, project) })]);
  return startShop(Object.fromEntries(pages));
};

/** Asserts that PHP renders the recorded pages. */
export const assertRendered = async (project) => {
  const shop = await startExample("php-shop", project);
  try {
    for (const [path, name] of Object.entries(PAGES)) {
      const rendered = await (await fetch(shop.url + path)).text();
      assert.equal(rendered, recorded(name, project), `run \`php ${name}.php > ../../tests/examples/php-shop/${name}.html\` in examples/php-shop`);
    }
  } finally {
    shop.close();
  }
};
