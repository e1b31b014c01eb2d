// How far a cookie reaches, and how its text is written.

import assert from "node:assert/strict";
import { test } from "node:test";

import { domains, encode } from "./edge.js";

test("the widest domain comes first and no public suffix at all", () => {
  const table = {
    "www.shop.com": ["shop.com", "www.shop.com", ""],
    "www.shop.co.uk": ["shop.co.uk", "www.shop.co.uk", ""],
    "shop.com": ["shop.com", ""],
    localhost: [""],
    "127.0.0.1": [""],
    "[::1]": [""],
    "awesome.myshopify.com": ["awesome.myshopify.com", ""],
  };
  for (const host of Object.keys(table)) assert.deepEqual(domains(host), table[host], host);
});

test("an address survives PHP and keeps its sign", () => {
  assert.equal(encode("a+b@x.com"), "a%2Bb@x.com");
  assert.equal(encode("t=1&sid=x"), "t=1&sid=x");
  for (const text of ["a+b@x.com", "ü@x.com", "50% off; path=/", "é,\"\\"]) {
    assert.equal(decodeURIComponent(encode(text)), text);
    assert.match(encode(text), /^[!#-+\--:<-[\]-~]*$/, "a cookie value");
  }
});
