// ESLint: the rules for the scripts of the library, of the collector's pages and of the tests. `cargo xtask test --only eslint` runs them.
//
// The length of a file, import cycles and wording are rules of `cargo xtask tidy`.

import js from "@eslint/js";
import globals from "globals";

const WAIT = "Wait for the event instead of a fixed time.";
const LEFT_OUT = "Every test must run.";

/** The classic scripts of the demo shop share these. */
const SHOP_GLOBALS = ["cart", "catalogue", "cents", "el", "money", "parameter", "picture", "shopStorage", "showProducts", "summaryLine"];

const readonly = (names) => Object.fromEntries(names.map((name) => [name, "readonly"]));

export default [
  { ignores: ["dist/", "target/", "js/pkg/", "pkg/", "tillroll-data/"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  js.configs.recommended,
  {
    rules: {
      "array-callback-return": "error",
      "no-console": "error",
      // A file declares the constants of the build itself, in a `global` comment.
      "no-redeclare": ["error", { builtinGlobals: false }],
      "no-control-regex": "off",
      "no-empty": ["error", { allowEmptyCatch: true }],
      "no-eval": "error",
      "no-implied-eval": "error",
      // The oldest supported browsers require the name of a caught error.
      "no-unused-vars": ["error", { caughtErrors: "none", ignoreRestSiblings: true }],
      "no-var": "error",
      "prefer-const": "error",
    },
  },
  { files: ["js/**/*.js", "www/**/*.js", "tests/bench/*.js"], languageOptions: { globals: globals.browser } },
  { files: ["js/testing/*.js"], languageOptions: { globals: globals.node } },
  {
    files: ["examples/**/*.js"],
    languageOptions: { globals: { ...globals.browser, ...readonly(["metrilo", "tillroll", "analytics", "browser"]) } },
  },
  { files: ["js/debug/*.js", "www/**/*.js"], rules: { "no-console": "off" } },
  {
    files: ["www/shop/*.js"],
    languageOptions: { sourceType: "script", globals: readonly(SHOP_GLOBALS) },
    rules: { "no-unused-vars": ["error", { vars: "local" }] },
  },
  // Tests run in Node and pass functions to the browser.
  { files: ["**/*.mjs"], languageOptions: { globals: { ...globals.node, ...globals.browser } }, rules: { "no-console": "off", "no-eval": "off" } },
  {
    files: ["**/*.test.mjs", "tests/**/*.mjs"],
    rules: {
      "no-restricted-properties": [
        "error",
        ...["only", "skip", "todo"].flatMap((property) =>
          ["test", "it", "describe", "suite", "t"].map((object) => ({ object, property, message: LEFT_OUT })),
        ),
      ],
      "no-restricted-imports": ["error", { paths: ["timers/promises", "node:timers/promises"].map((name) => ({ name, message: WAIT })) }],
      "no-restricted-syntax": [
        "error",
        // A promise that a time-out resolves. One with a second parameter rejects: that is a deadline.
        { selector: "NewExpression[callee.name='Promise'] > ArrowFunctionExpression[params.length=1] CallExpression[callee.name='setTimeout']", message: WAIT },
        { selector: "AwaitExpression > CallExpression[callee.name=/^(sleep|delay)$/]", message: WAIT },
        { selector: "Property[key.name=/^(only|skip|todo)$/][value.value=true]", message: LEFT_OUT },
      ],
    },
  },
];
