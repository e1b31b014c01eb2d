// Firefox over WebDriver BiDi: one browser, and for every visitor a user context with cookies and storage of its own.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import WebSocket from "ws";

import { strokes, Tab } from "./tab.mjs";

/** A browser that asks nobody for anything and shows nothing of its own. */
const SETTINGS = {
  "app.normandy.enabled": false,
  "app.update.disabledForTesting": true,
  "browser.aboutwelcome.enabled": false,
  "browser.safebrowsing.downloads.remote.enabled": false,
  "browser.safebrowsing.malware.enabled": false,
  "browser.safebrowsing.phishing.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "browser.startup.page": 0,
  "browser.tabs.unloadOnLowMemory": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "extensions.update.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "remote.active-protocols": 1,
  "services.settings.server": "data:,",
};

/** How long the browser may take for one command, in milliseconds. */
const PATIENCE = 60_000;

/** How often it is asked again for what it lost. */
const TRIES = 20;

/** What the browser says of a page that is not there any more, and the answer that such a page did not give. */
const GONE = /DiscardedBrowsingContextError/;
const NOTHING = { type: "success", result: { value: "[]" } };

/** A session of the protocol: `ask(method, params)`, and `hear(method)` for what the browser says by itself. */
const openSession = async (url) => {
  const socket = new WebSocket(`${url}/session`, { perMessageDeflate: false });
  await once(socket, "open");
  const waiting = new Map();
  const session = { hear: () => {} };
  let last = 0;
  socket.on("message", (text) => {
    const { id, type, result, error, message, method, params } = JSON.parse(text);
    if (type === "event") return session.hear(method, params);
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (type === "success") resolve(result);
    else reject(new Error(`${error}: ${message}`));
  });
  socket.on("close", () => waiting.forEach(({ reject }) => reject(new Error("Firefox is gone"))));
  session.ask = (method, params = {}) =>
    new Promise((resolve, reject) => {
      waiting.set(++last, { resolve, reject });
      setTimeout(() => reject(new Error(`no answer to ${method} ${JSON.stringify(params)}`)), PATIENCE).unref();
      socket.send(JSON.stringify({ id: last, method, params }));
    });
  return session;
};

/** Firefox 153 may swap what shows a new tab while that or its first page comes, and loses it; under load more than once. */
const insist = async (go) => {
  for (let tries = TRIES; ; tries--) {
    const came = await go().catch((error) => error);
    if (!(came instanceof Error)) return came;
    if (!tries || !GONE.test(came)) throw came;
    await new Promise((resolve) => setTimeout(resolve, 20)); // poll
  }
};

const driver = ({ ask }, context) => ({
  navigate: (url) => insist(() => ask("browsingContext.navigate", { context, url, wait: "complete" })),
  run: async (expression) => {
    const asked = ask("script.evaluate", { expression, target: { context }, awaitPromise: true });
    // A page that leaves at once may be gone before it has answered.
    const { type, result, exceptionDetails } = await asked.catch((error) => (GONE.test(error) ? NOTHING : Promise.reject(error)));
    if (type === "exception") throw new Error(exceptionDetails.text);
    return result.value;
  },
  type: (keys) => ask("input.performActions", { context, actions: strokes(keys) }),
  close: () => ask("browsingContext.close", { context }),
});

const newContext = async (session, tabs) => {
  const { userContext } = await session.ask("browser.createUserContext");
  const owner = {
    newPage: async () => {
      const { context } = await insist(() => session.ask("browsingContext.create", { type: "tab", userContext }));
      const tab = new Tab(driver(session, context), owner);
      tabs.set(context, tab);
      return tab;
    },
    close: () => session.ask("browser.removeUserContext", { userContext }),
  };
  return owner;
};

/** What a page complains of: an error that nobody caught, or one that was printed. */
const complain = (tabs, { source, level, type, text }) => {
  if (level !== "error") return;
  const said = { type: () => "error", text: () => text, toString: () => text };
  tabs.get(source.context)?.emit(type === "console" ? "console" : "pageerror", said);
};

/** Starts Firefox; returns what Playwright would, as far as tests of all engines need it. */
export const launch = async () => {
  const profile = await mkdtemp(join(tmpdir(), "tillroll-firefox-"));
  const settings = Object.entries(SETTINGS).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`);
  await writeFile(join(profile, "user.js"), settings.join(""));
  const words = ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port=0"];
  const firefox = spawn(process.env.FIREFOX, words, { stdio: ["ignore", "ignore", "pipe"] });
  let url;
  for await (const line of createInterface(firefox.stderr)) {
    url = /WebDriver BiDi listening on (\S+)/.exec(line)?.[1];
    if (url) break;
  }
  firefox.stderr.resume();
  const session = await openSession(url);
  const tabs = new Map();
  session.hear = (method, params) => method === "log.entryAdded" && complain(tabs, params);
  await session.ask("session.new", { capabilities: {} });
  await session.ask("session.subscribe", { events: ["log.entryAdded"] });
  return {
    newContext: () => newContext(session, tabs),
    close: async () => {
      const gone = once(firefox, "exit");
      await session.ask("browser.close").catch(() => firefox.kill("SIGKILL"));
      await gone;
      await rm(profile, { recursive: true, force: true });
    },
  };
};
