// The code blocks of README.md and docs/, as a reader would run them. A block that cannot be run gives its reason in a comment before it.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { buildSync } from "esbuild";

import { launch, openPage } from "../browser/support/browser.mjs";
import { Collector, SECRET, TOKEN } from "../browser/support/collector.mjs";
import { scriptTag } from "../browser/support/fixture.mjs";
import { startShop } from "../browser/support/shop-server.mjs";
import { codeBlocks } from "./code-blocks.mjs";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PACKAGE = join(ROOT, "dist/npm");
const BINARY = resolve(process.env.TILLROLL_BIN ?? "target/release/tillroll");
const EXAMPLE = "https://collector.example.com";

/** The recipes have tests of their own, which also find a block that no test runs. */
const documents = ["README.md", ...readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md") && name !== "recipes.md").map((name) => `docs/${name}`)];
const blocks = documents.flatMap(codeBlocks);

let browser;
let collector;
let folder;
/** The commands of all blocks. A failed test leaves its command running. */
const started = [];
before(async () => {
  browser = await launch();
  collector = await Collector.start();
  folder = mkdtempSync(join(tmpdir(), "tillroll-documents-"));
  mkdirSync(join(folder, "bin"));
  symlinkSync(BINARY, join(folder, "bin/tillroll"));
});
after(async () => {
  for (const child of started.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)) process.kill(-child.pid, "SIGKILL");
  await browser?.close();
  await collector?.close();
  rmSync(folder, { recursive: true, force: true });
});

const send = async (path, headers, body) => {
  const response = await fetch(collector.url + path, { method: "POST", headers, body });
  assert.equal(response.status, 200, path);
  return response.json();
};

const importLine = (resource, record) => send(`/import/${resource}`, collector.ownerHeaders(), JSON.stringify(record));

/** Stores an event of a new visitor. */
const storeEvent = () => {
  const page = { url: "https://shop.example/", referrer: "", title: "T" };
  const event = { id: crypto.randomUUID(), type: "product_view", api: "metrilo", time: Date.now(), visitorId: "ab", sessionId: "s", params: { product_id: "312" }, page };
  return send("/v2/batch", {}, JSON.stringify({ token: TOKEN, sentAt: Date.now(), events: [event] }));
};

const accessToken = async () => {
  const body = new URLSearchParams({ grant_type: "client_credentials", client_id: TOKEN, client_secret: SECRET });
  return (await send("/oauth/token", {}, body)).access_token;
};

/** Returns a command with the addresses, folders and credentials of this test in place of the documented ones. */
const adapted = (text, home) => {
  const data = /^tillroll backup/.test(text) ? collector.data : join(home, "data");
  const replacements = [
    // The program under test is what the build makes.
    ["cargo xtask build\n", ""],
    ["target/release/tillroll", "tillroll"],
    [EXAMPLE, collector.url],
    ["http://127.0.0.1:7070", collector.url],
    [/0\.0\.0\.0:\d+/g, "127.0.0.1:0"],
    ["/var/lib/tillroll-restored", join(home, "restored")],
    ["/var/lib/tillroll", data],
    ["/var/backups", join(home, "backups")],
    ["/etc/tillroll", home],
    ["client_id=TOKEN", `client_id=${TOKEN}`],
    ["client_secret=SECRET", `client_secret=${SECRET}`],
    ["-u TOKEN:SECRET", `-u ${TOKEN}:${SECRET}`],
    ["https://DOMAINKEY.store-LOCATIONKEY.ometria.services", "http://127.0.0.1:1"],
  ];
  return replacements.reduce((command, [from, to]) => command.replaceAll(from, to), text);
};

/** Starts a command in a folder of its own. `output()` returns what it printed so far. */
const start = async (text) => {
  const home = mkdtempSync(join(folder, "home-"));
  mkdirSync(join(home, "backups"));
  if (text.includes("--tls-cert")) {
    const certificate = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-keyout", "privkey.pem", "-out", "fullchain.pem"];
    assert.equal(spawnSync("openssl", certificate, { cwd: home }).status, 0, "openssl makes a certificate");
  }
  const path = `${join(folder, "bin")}:${process.env.PATH}`;
  const script = `set -euo pipefail\ncurl() { command curl --silent --fail-with-body "$@"; }\n${adapted(text, home)}`;
  const child = spawn("bash", ["-c", script], { cwd: home, env: { ...process.env, PATH: path, ACCESS_TOKEN: await accessToken() }, detached: true });
  started.push(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  return { child, output: () => output };
};

const shell = async ({ text }) => {
  await importLine("customers", { email: "jo@example.com" });
  const { child, output } = await start(text);
  const ended = once(child, "close");
  if (!/tillroll (serve|tail) /.test(text)) {
    const [code] = await ended;
    // The doctor finds what is wrong with this test's server, which has no certificate.
    assert.ok(code === 0 || (/tillroll doctor/.test(text) && output().includes("credentials")), output());
    return;
  }
  const isTail = text.includes("tillroll tail");
  // The stream shows the events that are stored after it has begun.
  while (!output().includes(isTail ? "product_view" : "http") && child.exitCode === null)
    await (isTail ? storeEvent() : Promise.race([once(child.stdout, "data"), ended]));
  assert.equal(child.exitCode, null, output());
  process.kill(-child.pid, "SIGTERM");
  await ended;
};

const settings = ({ text }) => {
  const home = mkdtempSync(join(folder, "settings-"));
  writeFileSync(join(home, "tillroll.toml"), adapted(text, home));
  const { status, stdout, stderr } = spawnSync(BINARY, ["serve", "--config", join(home, "tillroll.toml"), "--check-config"], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /listen\b.*tillroll\.toml/);
};

const record = async ({ text }) => {
  const { accepted, rejected } = await importLine("orders", JSON.parse(text));
  assert.deepEqual({ accepted, rejected }, { accepted: 1, rejected: [] });
};

/** Loads a page; returns what `act` returns in it. The page must have no error. */
const inPage = async (pages, act) => {
  const shop = await startShop(pages);
  const page = await openPage(browser);
  await page.goto(shop.url);
  const result = await page.evaluate(act);
  assert.deepEqual(page.errors, []);
  await page.context().close();
  await shop.close();
  return result;
};

const markup = async ({ text }) => {
  const members = await inPage({ "/": text.replaceAll(EXAMPLE, collector.url) }, () => [typeof window.metrilo.viewProduct, typeof window.ometria.identify, "tillroll" in window]);
  assert.deepEqual(members, ["function", "function", true]);
};

/** A script for a page with the library, a module of the npm package, a component, or a test's set-up for Node. */
const script = async (block) => {
  const { text, language } = block;
  if (text.includes("tillroll/testing")) return inNode(text);
  if (/from ['"]tillroll\/(react|vue)['"]/.test(text)) return bundles(text, language);
  const file = (name, type) => () => ({ type, body: readFileSync(join(PACKAGE, name)) });
  const served = { "/index.js": file("index.js", "text/javascript"), "/core.wasm": file("core.wasm", "application/wasm") };
  const module = text.replace('"tillroll"', '"./index.js"').replaceAll(EXAMPLE, collector.url);
  const isModule = text.includes("import ");
  const ready = "window.isDone = true;";
  const html = isModule ? `<script type="module">${module}${ready}</script>` : `${scriptTag(collector.url)}<script>${text}${ready}</script>`;
  assert.equal(await inPage({ ...served, "/": html }, () => window.isDone), true);
};

const bundles = (text, loader) => {
  const alias = { "tillroll/react": join(PACKAGE, "react.js"), "tillroll/vue": join(PACKAGE, "vue.js") };
  const external = ["./fallback.js", "./debug*", "./replay*", "./views*"];
  const { warnings } = buildSync({ stdin: { contents: text, loader, resolveDir: ROOT }, alias, external, jsx: "automatic", bundle: true, format: "esm", write: false, logLevel: "silent" });
  assert.deepEqual(warnings, []);
};

const inNode = async (text) => {
  const home = mkdtempSync(join(folder, "node-"));
  cpSync(PACKAGE, join(home, "node_modules/tillroll"), { recursive: true });
  writeFileSync(join(home, "set-up.mjs"), text);
  const { status, stderr } = spawnSync(process.execPath, ["set-up.mjs"], { cwd: home, env: { ...process.env, TILLROLL_BIN: BINARY }, encoding: "utf8" });
  assert.equal(status, 0, stderr);
};

const RUNNERS = { sh: shell, toml: settings, json: record, html: markup, js: script, jsx: script };

describe("the code blocks of README.md and docs/", () => {
  for (const block of blocks.filter(({ reason }) => !reason))
    test(`${block.path}:${block.line} (${block.language})`, async () => {
      assert.ok(RUNNERS[block.language], "run the block here, or give the reason in a comment before it: `not run: REASON`");
      await RUNNERS[block.language](block);
    });
});

test("a block that is not run has a reason", () => {
  const reasons = blocks.map(({ reason }) => reason).filter((reason) => reason !== undefined);
  assert.ok(reasons.every((reason) => reason.length > 10), reasons.join("\n"));
  assert.ok(blocks.length > 2 * reasons.length, "most blocks run");
});
