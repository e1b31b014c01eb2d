// Firefox, driven over WebDriver BiDi: one browser, and for every visitor a user context with separate cookies and storage.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import WebSocket from "ws";

import { keyActions, Tab } from "./tab.mjs";

/** Preferences that disable background requests and first-run pages. */
const PREFERENCES = {
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

/** Events that end a navigation, and how long a navigation may take to end after its command. A page that navigates away ends none. */
const NAVIGATION_ENDS = ["browsingContext.load", "browsingContext.fragmentNavigated"];
const NAVIGATION_TIMEOUT_MS = 5_000;

/** The time-out of one command. */
const COMMAND_TIMEOUT_MS = 60_000;

/** How many times a command is retried when the browser discarded its tab. */
const MAX_RETRIES = 20;
const RETRY_DELAY_MS = 20;

/** The error for a page that was discarded, and the result that stands for such a page's response. */
const DISCARDED = /DiscardedBrowsingContextError/;
const EMPTY_RESULT = { type: "success", result: { value: "[]" } };

/** Opens a session of the protocol: `send(method, params)` sends a command; the caller sets `onEvent(method, params)`. */
const openSession = async (url) => {
  const socket = new WebSocket(`${url}/session`, { perMessageDeflate: false });
  await once(socket, "open");
  const pending = new Map();
  const session = { onEvent: () => {} };
  let lastId = 0;
  socket.on("message", (text) => {
    const { id, type, result, error, message, method, params } = JSON.parse(text);
    if (type === "event") return session.onEvent(method, params);
    const { resolve, reject } = pending.get(id);
    pending.delete(id);
    if (type === "success") resolve(result);
    else reject(new Error(`${error}: ${message}`));
  });
  socket.on("close", () => pending.forEach(({ reject }) => reject(new Error("Firefox has exited"))));
  session.send = (method, params = {}) =>
    new Promise((resolve, reject) => {
      pending.set(++lastId, { resolve, reject });
      setTimeout(() => reject(new Error(`no response to ${method} ${JSON.stringify(params)}`)), COMMAND_TIMEOUT_MS).unref();
      socket.send(JSON.stringify({ id: lastId, method, params }));
    });
  return session;
};

/** Retries a command. Firefox 153 may replace the browsing context of a new tab while the tab or its first page loads, several times under load. */
const retryIfDiscarded = async (command) => {
  for (let retries = MAX_RETRIES; ; retries--) {
    const result = await command().catch((error) => error);
    if (!(result instanceof Error)) return result;
    if (!retries || !DISCARDED.test(result)) throw result;
    await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS)); // eslint-disable-line no-restricted-syntax -- poll
  }
};

const createDriver = ({ send }, context, navigations) => ({
  // The browser's own wait for "complete" may end with the load of the page before, if that page has just loaded.
  navigate: async (url) => {
    const { navigation } = await retryIfDiscarded(() => send("browsingContext.navigate", { context, url, wait: "complete" }));
    await navigations.ended(navigation);
  },
  run: async (expression) => {
    const evaluation = send("script.evaluate", { expression, target: { context }, awaitPromise: true });
    // A page that navigates at once may be discarded before it responds.
    const { type, result, exceptionDetails } = await evaluation.catch((error) => (DISCARDED.test(error) ? EMPTY_RESULT : Promise.reject(error)));
    if (type === "exception") throw new Error(exceptionDetails.text);
    return result.value;
  },
  type: (keys) => send("input.performActions", { context, actions: keyActions(keys) }),
  close: () => send("browsingContext.close", { context }),
});

/** Remembers which navigations have ended. */
class Navigations {
  endedIds = new Set();
  waiting = new Map();

  end(id) {
    this.endedIds.add(id);
    this.waiting.get(id)?.();
  }

  /** Waits until the navigation has ended, or is taken to be replaced by another. */
  async ended(id) {
    if (id === null || this.endedIds.has(id)) return;
    await new Promise((resolve) => {
      this.waiting.set(id, resolve);
      setTimeout(() => this.end(id), NAVIGATION_TIMEOUT_MS); // eslint-disable-line no-restricted-syntax -- time-out
    });
  }
}

const newContext = async (session, tabs, navigations) => {
  const { userContext } = await session.send("browser.createUserContext");
  const visitorContext = {
    newPage: async () => {
      // A new tab would hide the page of a parallel test, and a page that is hidden sends what it has.
      const { context } = await retryIfDiscarded(() => session.send("browsingContext.create", { type: "window", userContext }));
      const tab = new Tab(createDriver(session, context, navigations), visitorContext);
      tabs.set(context, tab);
      return tab;
    },
    close: () => session.send("browser.removeUserContext", { userContext }),
  };
  return visitorContext;
};

/** Emits an uncaught exception or a console error to the tab of its page. */
const emitError = (tabs, { source, level, type, text }) => {
  if (level !== "error") return;
  const message = { type: () => "error", text: () => text, toString: () => text };
  tabs.get(source.context)?.emit(type === "console" ? "console" : "pageerror", message);
};

/** Starts Firefox; returns the subset of Playwright's browser object that tests of all engines use. */
export const launch = async () => {
  const profile = await mkdtemp(join(tmpdir(), "tillroll-firefox-"));
  const preferences = Object.entries(PREFERENCES).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`);
  await writeFile(join(profile, "user.js"), preferences.join(""));
  const args = ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port=0"];
  const firefox = spawn(process.env.FIREFOX, args, { stdio: ["ignore", "ignore", "pipe"] });
  let url;
  for await (const line of createInterface(firefox.stderr)) {
    url = /WebDriver BiDi listening on (\S+)/.exec(line)?.[1];
    if (url) break;
  }
  firefox.stderr.resume();
  const session = await openSession(url);
  const tabs = new Map();
  const navigations = new Navigations();
  session.onEvent = (method, params) => {
    if (method === "log.entryAdded") emitError(tabs, params);
    else navigations.end(params.navigation);
  };
  await session.send("session.new", { capabilities: {} });
  await session.send("session.subscribe", { events: ["log.entryAdded", ...NAVIGATION_ENDS] });
  return {
    newContext: () => newContext(session, tabs, navigations),
    close: async () => {
      const exited = once(firefox, "exit");
      await session.send("browser.close").catch(() => firefox.kill("SIGKILL"));
      await exited;
      await rm(profile, { recursive: true, force: true });
    },
  };
};
