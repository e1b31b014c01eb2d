// The domains that a cookie is set for, and the encoding of its value.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import "../../tests/compat/support/build-constants.mjs";
import { cookieDomains, encodeCookie, isOwnSite } from "./cookies.js";

test("the widest domain comes first, and public suffixes are left out", () => {
  const table = JSON.parse(readFileSync(new URL("../../tests/compat/shared-rules/cookie-domains.json", import.meta.url), "utf8"));
  for (const host of Object.keys(table)) assert.deepEqual(cookieDomains(host), [...table[host], ""], host);
});

test("the collector is on the shop's site if it is below the domain of the cookies", (t) => {
  t.after(() => delete globalThis.location);
  for (const [hostname, url, domain, isOwn] of [
    ["www.shop.com", "https://t.shop.com/", undefined, true],
    ["www.shop.com", "https://t.shop.com:8443/t/", "shop.com", true],
    ["www.shop.com", "https://t.shop.com/", ".shop.com", true],
    ["www.shop.com", "https://t.shop.com/", "www.shop.com", false],
    ["www.dm.de", "https://t.dm.de/", undefined, true],
    ["www.shop.co.uk", "https://t.other.co.uk/", undefined, false],
    ["www.shop.com", "https://evil-shop.com/", undefined, false],
    ["localhost", "http://localhost:7070/", undefined, true],
  ]) {
    globalThis.location = { hostname };
    assert.equal(isOwnSite(url, domain), isOwn, `${hostname} ${url} ${domain}`);
  }
});

test("an encoded e-mail address keeps its @ and decodes to the same text", () => {
  assert.equal(encodeCookie("a+b@x.com"), "a%2Bb@x.com");
  assert.equal(encodeCookie("t=1&sid=x"), "t=1&sid=x");
  for (const text of ["a+b@x.com", "ü@x.com", "50% off; path=/", "é,\"\\"]) {
    assert.equal(decodeURIComponent(encodeCookie(text)), text);
    assert.match(encodeCookie(text), /^[!#-+\--:<-[\]-~]*$/, "a cookie value");
  }
});
