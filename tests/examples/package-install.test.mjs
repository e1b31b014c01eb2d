// The packed npm package in an empty folder: it installs, has all types that it promises, and the standard checkers of packages accept it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, describe, test } from "node:test";

import { PACKED, WORK, assertInstalled } from "../../examples/runner/install.mjs";

const path = (name, base) => fileURLToPath(new URL(name, base));

const ROOT = new URL("../../", import.meta.url);

/** The two generations of the compiler: the one in JavaScript, and the native one. */
const COMPILERS = { "TypeScript 5": path("node_modules/typescript/bin/tsc", WORK), "TypeScript 7": path("node_modules/typescript/bin/tsc", ROOT) };

/** A resolution of modules, and the kind of modules that goes with it. */
const RESOLUTIONS = { bundler: "esnext", node16: "node16" };

/** An application without a framework, which needs nothing but the package. */
const PLAIN = `
import { start, type Options, type Report } from "tillroll";
import { start as startLoader, type LoaderOptions } from "tillroll/loader";

const options: Options = { token: "t", collector: "https://collector.test/" };
start(options).metrilo.addToCart("312", 2);
start(options).on("dropped", ({ count, reason }: Report) => [count.toFixed(), reason]);
const loaderOptions: LoaderOptions = { ...options, wasm: "/core.wasm" };
startLoader(loaderOptions).ometria.init("product", { pid: "312" });
// @ts-expect-error: the token is missing
start({ collector: "https://collector.test/" });
// @ts-expect-error: the address of the core is missing
startLoader(options);
`;

/** An application with the entries that need React, Vue or Node. */
const COMPLETE = `
import { type Options } from "tillroll";
import { TillrollProvider, usePageViews, useTillroll } from "tillroll/react";
import { startCollector, trackingFixtures } from "tillroll/testing";
import { createTillroll, useTillroll as useVueTracker } from "tillroll/vue";

const options: Options = { token: "t", collector: "https://collector.test/" };
export const element = TillrollProvider({ options, children: "text" });
export const use = () => (usePageViews("/"), useTillroll().metrilo.viewProduct("1"), useVueTracker().consent("denied"));
export const plugin = createTillroll(options);
export const collect = async () => (await startCollector()).expect({ type: "order", params: { order_id: "1" } });
export const fixtures = trackingFixtures();
`;

const run = (command, args, cwd) => {
  try {
    return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    throw new Error(`${command} ${args.join(" ")}: ${error.stdout}${error.stderr}`, { cause: error });
  }
};

/** Type-checks an application in a folder; the declarations of the package are checked too. */
const checkTypes = (folder, application, moduleResolution, compiler) => {
  const compilerOptions = { module: RESOLUTIONS[moduleResolution], moduleResolution, strict: true, noEmit: true, target: "es2022", lib: ["es2022", "dom"], types: [] };
  writeFileSync(join(folder, "app.mts"), application);
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["app.mts"] }));
  run("node", [compiler, "--project", folder]);
};

const forAllCompilers = (folder, application) => {
  for (const [name, compiler] of Object.entries(COMPILERS))
    for (const moduleResolution of Object.keys(RESOLUTIONS))
      test(`${name}, moduleResolution ${moduleResolution}`, () => checkTypes(folder(), application, moduleResolution, compiler));
};

before(assertInstalled);

describe("in an empty folder", () => {
  let folder;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "tillroll-install-"));
    writeFileSync(join(folder, "package.json"), '{ "private": true }');
    // Offline, the package alone can be installed: it has no dependency.
    run("npm", ["install", "--offline", "--no-audit", "--no-fund", fileURLToPath(PACKED)], folder);
  });
  after(() => folder && rmSync(folder, { recursive: true }));

  test("nothing but the package is installed, and Node imports it", () => {
    assert.deepEqual(readdirSync(join(folder, "node_modules")).filter((name) => !name.startsWith(".")), ["tillroll"]);
    const script = 'for (const name of ["tillroll", "tillroll/loader"]) console.log(typeof (await import(name)).start({}).metrilo.viewProduct)';
    assert.equal(run("node", ["--input-type=module", "--eval", script], folder), "function\nfunction\n");
  });

  forAllCompilers(() => folder, PLAIN);
});

describe("beside React and Vue", () => {
  const folder = path("typed/", WORK);
  before(() => mkdirSync(folder, { recursive: true }));

  forAllCompilers(() => folder, COMPLETE);
});

test("publint finds nothing", () => {
  assert.match(run("node", [path("node_modules/.bin/publint", WORK), "run", "--strict", fileURLToPath(PACKED)]), /All good!/);
});

test("Are The Types Wrong finds nothing; core.wasm has no types, and there is no CommonJS form", () => {
  const args = ["--profile", "esm-only", "--exclude-entrypoints", "core.wasm"];
  run("node", [path("node_modules/.bin/attw", WORK), fileURLToPath(PACKED), ...args]);
});
