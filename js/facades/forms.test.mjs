// The form's e-mail rule against the table that tests the core's rule too, in tests/compat.rs.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { EMAIL } from "./forms.js";

const { valid, invalid } = JSON.parse(readFileSync(new URL("../../tests/compat/shared-rules/email-addresses.json", import.meta.url), "utf8"));

test("valid addresses match", () => {
  for (const text of valid) assert.match(text, EMAIL);
});

test("invalid addresses do not match", () => {
  for (const text of invalid) assert.doesNotMatch(text, EMAIL);
});
