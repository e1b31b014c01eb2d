// Installs what the examples need: the npm package as `npm pack` makes it from `dist/npm`, and the locked packages of examples that need a build.
//
// Everything is in `target/examples`, so that the examples contain only what a shop would write.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = new URL("../../", import.meta.url);
const SOURCES = new URL("examples/", ROOT);

/** The folder of the installed packages, in which examples are built. */
export const WORK = new URL("target/examples/", ROOT);

/** The packed npm package. */
export const PACKED = new URL("tillroll.tgz", WORK);

/** Has the hash of what the present packages were installed from. */
const MARKER = new URL("node_modules/.installed-inputs", WORK);

const path = (url) => fileURLToPath(url);

/** The collector of this build; the environment variable `TILLROLL_BIN` overrides it. */
export const COLLECTOR_BINARY = process.env.TILLROLL_BIN ?? path(new URL("target/release/tillroll", ROOT));

const npm = (...args) => execFileSync("npm", args, { cwd: path(WORK), encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

const pack = () => {
  const packageFolder = path(new URL("dist/npm", ROOT));
  if (!existsSync(packageFolder)) throw new Error("dist/npm does not exist; run `cargo xtask build`");
  // Another process may read the present file.
  const folder = mkdtempSync(path(new URL("pack-", WORK)));
  const name = npm("pack", "--silent", "--pack-destination", folder, packageFolder).trim();
  renameSync(join(folder, name), PACKED);
  rmSync(folder, { recursive: true });
};

const copyManifests = () => {
  const { workspaces } = JSON.parse(readFileSync(new URL("package.json", SOURCES), "utf8"));
  const manifests = workspaces.map((name) => `${name}/package.json`);
  for (const name of ["package.json", "package-lock.json", ".npmrc", ...manifests]) {
    const target = path(new URL(name, WORK));
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(new URL(name, SOURCES), target);
  }
};

/** Installs everything, unless it is installed; returns which of the two. */
export const install = () => {
  mkdirSync(WORK, { recursive: true });
  pack();
  copyManifests();
  const hash = createHash("sha256");
  for (const file of ["package-lock.json", "tillroll.tgz"]) hash.update(readFileSync(new URL(file, WORK)));
  const inputs = hash.digest("hex");
  if (existsSync(MARKER) && readFileSync(MARKER, "utf8") === inputs) return "present";
  npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error");
  writeFileSync(MARKER, inputs);
  return "installed";
};

/** Fails unless everything is installed. Tests call it, because they run at the same time. */
export const assertInstalled = () => {
  if (!existsSync(MARKER)) throw new Error("target/examples has no packages; run `node examples/runner/install.mjs`");
};

if (process.argv[1] === path(import.meta.url)) console.log(install());
