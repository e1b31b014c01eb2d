// WebKit, driven over WebDriver: GTK's MiniBrowser on a virtual screen. A visitor is a session, and a driver process has one session.

import { spawn } from "node:child_process";
import { once } from "node:events";

import { freePort } from "../collector.mjs";
import { keyActions, Tab } from "./tab.mjs";

/** How long a driver may take until it listens, and until its browser has started. */
const START_TIMEOUT_MS = 20_000;
/** How many times a driver whose browser does not start is replaced. MiniBrowser sometimes never connects to its driver on a busy machine. */
const MAX_RESTARTS = 3;
const POLL_INTERVAL_MS = 20;

/** The driver's script for an expression. It calls no `eval`, which a page's policy may forbid. */
const toScript = (expression) => `const done = arguments[arguments.length - 1];
Promise.resolve().then(() => ${expression}).then((text) => done([text]), (error) => done([null, String(error)]));`;

/** Starts a virtual screen; returns `{ name, end }`. */
const openScreen = async () => {
  const xvfb = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", "1024x768x24", "-nolisten", "tcp"], { stdio: ["ignore", "ignore", "ignore", "pipe"] });
  const [number] = await once(xvfb.stdio[3], "data");
  return { name: `:${String(number).trim()}`, end: () => end(xvfb) };
};

const end = async (child) => {
  const exited = once(child, "exit");
  child.kill();
  await exited;
};

const send = async (url, method, body, signal = undefined) => {
  const response = await fetch(url, { method, body: body && JSON.stringify(body), signal });
  const { value } = await response.json();
  if (value?.error) throw new Error(`${value.error}: ${value.message}`);
  return value;
};

const waitUntilListening = async (url) => {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!(await send(`${url}/status`, "GET").catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`WebKitWebDriver does not listen at ${url}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS)); // eslint-disable-line no-restricted-syntax -- poll
  }
};

const CAPABILITIES = {
  alwaysMatch: {
    timeouts: { script: 60_000, pageLoad: 60_000 },
    "webkitgtk:browserOptions": { binary: process.env.MINIBROWSER, args: ["--automation"] },
  },
};

/** Starts a driver with its browser; returns `{ send, end }`, where `send(method, path, body)` sends a command. */
const openSession = async (screen, restarts = MAX_RESTARTS) => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const environment = { ...process.env, DISPLAY: screen.name, WEBKIT_DISABLE_COMPOSITING_MODE: "1" };
  const child = spawn(process.env.WEBKIT_DRIVER, [`--port=${port}`], { stdio: "ignore", env: environment });
  await waitUntilListening(url);
  const sessionId = await send(`${url}/session`, "POST", { capabilities: CAPABILITIES }, AbortSignal.timeout(START_TIMEOUT_MS)).then(
    (session) => session.sessionId,
    (error) => (restarts ? undefined : Promise.reject(error)),
  );
  if (!sessionId) {
    await end(child);
    return openSession(screen, restarts - 1);
  }
  return {
    send: (method, path, body) => send(`${url}/session/${sessionId}${path}`, method, body),
    end: async () => {
      await send(`${url}/session/${sessionId}`, "DELETE").catch(() => {});
      await end(child);
    },
  };
};

/** The protocol addresses one tab at a time: each step selects its tab, and waits for the previous step. */
const createDriver = (session, handle) => {
  const step = (command) => {
    const result = session.lastStep.then(() => session.send("POST", "/window", { handle })).then(command);
    session.lastStep = result.catch(() => {});
    return result;
  };
  return {
    navigate: (url) => step(() => session.send("POST", "/url", { url })),
    run: async (expression) => {
      const [text, error] = await step(() => session.send("POST", "/execute/async", { script: toScript(expression), args: [] }));
      if (error) throw new Error(error);
      return text;
    },
    type: (keys) => step(() => session.send("POST", "/actions", { actions: keyActions(keys) })),
    close: () => step(() => session.send("DELETE", "/window")),
  };
};

const newContext = async (screen, openContexts) => {
  const session = await openSession(screen);
  session.lastStep = Promise.resolve();
  let firstHandle = await session.send("GET", "/window");
  const visitorContext = {
    newPage: async () => {
      const handle = firstHandle ?? (await session.send("POST", "/window/new", { type: "tab" })).handle;
      firstHandle = undefined;
      return new Tab(createDriver(session, handle), visitorContext);
    },
    close: async () => (openContexts.delete(visitorContext), await session.end()),
  };
  openContexts.add(visitorContext);
  return visitorContext;
};

/** Starts the screen; returns the subset of Playwright's browser object that tests of all engines use. */
export const launch = async () => {
  const screen = await openScreen();
  const openContexts = new Set();
  return {
    newContext: () => newContext(screen, openContexts),
    close: async () => {
      for (const context of openContexts) await context.close();
      await screen.end();
    },
  };
};
