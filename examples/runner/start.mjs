// Builds an example in `target/examples` with the address of a collector and the token of a project, and serves it.
//
// How it starts follows from its files: a script `build` runs first; then a script `start` is the server, or PHP where there is `index.php`, or
// the files are served as they are.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { WORK } from "./install.mjs";

const SOURCES = fileURLToPath(new URL("../", import.meta.url));
const NOT_EXAMPLES = ["node_modules", "runner"];

/** What stands in the examples for the collector's address and the project's token. */
const COLLECTOR_PLACEHOLDER = /https:\/\/collector\.example\.com/g;
const TOKEN_PLACEHOLDER = /sh0p-t0k3n/g;

const CONTENT_TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm", ".svg": "image/svg+xml" };
const START_TIMEOUT_MS = 30_000;
const POLL_INTERVAL_MS = 50;

/** The names of all examples. */
export const names = () =>
  readdirSync(SOURCES, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !NOT_EXAMPLES.includes(entry.name))
    .map(({ name }) => name);

const files = (folder) => readdirSync(folder, { recursive: true }).filter((name) => !/(^|\/)node_modules\//.test(name) && statSync(join(folder, name)).isFile());

/** Returns a text of an example with the address of a collector and the token of a project. */
export const configure = (text, { collector, token }) => text.replace(COLLECTOR_PLACEHOLDER, collector).replace(TOKEN_PLACEHOLDER, token);

/** Copies and configures an example; returns the folder of the copy. */
const copyExample = (name, project) => {
  const [source, target] = [join(SOURCES, name), fileURLToPath(new URL(name, WORK))];
  mkdirSync(target, { recursive: true });
  const earlier = readdirSync(target).filter((entry) => entry !== "node_modules");
  earlier.forEach((entry) => rmSync(join(target, entry), { recursive: true }));
  cpSync(source, target, { recursive: true, filter: (file) => !file.endsWith("node_modules") });
  for (const file of files(target)) {
    const text = readFileSync(join(target, file), "utf8");
    const configured = configure(text, project);
    if (configured !== text) writeFileSync(join(target, file), configured);
  }
  return target;
};

/** Serves a folder; an address without a file is a route of an application, and gets `index.html`. Returns `{ url, close }`. */
export const serveFolder = async (folder) => {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://shop");
    if (pathname === "/favicon.ico") return response.writeHead(204).end();
    const file = [pathname.slice(1), "index.html"].map((name) => join(folder, name)).find((file) => existsSync(file) && statSync(file).isFile());
    if (!file || (extname(pathname) && !file.endsWith(pathname))) return response.writeHead(404).end();
    const type = CONTENT_TYPES[extname(file)] ?? "application/octet-stream";
    response.writeHead(200, { "content-type": type.startsWith("text/") ? `${type}; charset=utf-8` : type }).end(readFileSync(file));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => (server.closeAllConnections(), server.close()) };
};

const freePort = async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
};

/** Starts a server; returns `{ url, close }` once it answers. */
const startServer = async (folder, command, args) => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const withPort = args.map((argument) => argument.replace("PORT", port));
  const child = spawn(command, withPort, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  let failure = "";
  child.stderr.on("data", (chunk) => (failure += chunk));
  child.on("error", (error) => (failure += error));
  const close = () => child.kill("SIGKILL");
  process.once("exit", close);
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!(await fetch(url).catch(() => false))) {
    if (child.exitCode !== null || performance.now() > deadline) throw new Error(`${command} does not answer at ${url}: ${failure}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
  return { url, close };
};

/** Returns whether PHP is installed. */
export const hasPhp = () => {
  try {
    return Boolean(execFileSync("php", ["--version"], { stdio: "pipe" }));
  } catch {
    return false;
  }
};

const build = (folder) => {
  // Next would send statistics about the build, and Vite and webpack would write colours.
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1", NO_COLOR: "1" };
  execFileSync("npm", ["run", "--silent", "build"], { cwd: folder, stdio: ["ignore", "pipe", "pipe"], env, encoding: "utf8" });
};

/** Builds and serves an example; returns `{ url, close }`. */
export const startExample = async (name, project) => {
  const folder = copyExample(name, project);
  const manifest = join(folder, "package.json");
  const scripts = existsSync(manifest) ? JSON.parse(readFileSync(manifest, "utf8")).scripts : {};
  if (scripts.build) build(folder);
  if (scripts.start) {
    const [program, ...args] = scripts.start.split(" ");
    return startServer(folder, fileURLToPath(new URL(`node_modules/.bin/${program}`, WORK)), [...args, "--port", "PORT"]);
  }
  if (existsSync(join(folder, "index.php"))) return startServer(folder, "php", ["-S", "127.0.0.1:PORT"]);
  return serveFolder(existsSync(join(folder, "dist/index.html")) ? join(folder, "dist") : folder);
};
