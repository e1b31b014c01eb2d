// The domains that a cookie is set for, and the encoding of its value.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import "../../tests/compat/support/build-constants.mjs";
import { cookieDomains, encodeCookie } from "./cookies.js";

test("the widest domain comes first, and public suffixes are left out", () => {
  const table = JSON.parse(readFileSync(new URL("../../tests/compat/shared-rules/cookie-domains.json", import.meta.url), "utf8"));
  for (const host of Object.keys(table)) assert.deepEqual(cookieDomains(host), [...table[host], ""], host);
});

test("an encoded e-mail address keeps its @ and decodes to the same text", () => {
  assert.equal(encodeCookie("a+b@x.com"), "a%2Bb@x.com");
  assert.equal(encodeCookie("t=1&sid=x"), "t=1&sid=x");
  for (const text of ["a+b@x.com", "ü@x.com", "50% off; path=/", "é,\"\\"]) {
    assert.equal(decodeURIComponent(encodeCookie(text)), text);
    assert.match(encodeCookie(text), /^[!#-+\--:<-[\]-~]*$/, "a cookie value");
  }
});
