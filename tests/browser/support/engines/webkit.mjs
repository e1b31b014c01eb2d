// WebKit over plain WebDriver: GTK's little browser on a screen that nobody sees. A session is one visitor, and a driver has one session.

import { spawn } from "node:child_process";
import { once } from "node:events";

import { freePort } from "../collector.mjs";
import { strokes, Tab } from "./tab.mjs";

/** How long a driver may take to listen, in milliseconds. */
const PATIENCE = 20_000;

const RUN = `const done = arguments[arguments.length - 1];
Promise.resolve().then(() => eval(arguments[0])).then((text) => done([text]), (error) => done([null, String(error)]));`;

/** Opens a screen; returns its name and how to end it. */
const openScreen = async () => {
  const xvfb = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", "1024x768x24", "-nolisten", "tcp"], { stdio: ["ignore", "ignore", "ignore", "pipe"] });
  const [number] = await once(xvfb.stdio[3], "data");
  return { name: `:${String(number).trim()}`, end: () => end(xvfb) };
};

const end = async (child) => {
  const gone = once(child, "exit");
  child.kill();
  await gone;
};

const ask = async (url, method, body) => {
  const response = await fetch(url, { method, body: body && JSON.stringify(body) });
  const { value } = await response.json();
  if (value?.error) throw new Error(`${value.error}: ${value.message}`);
  return value;
};

const listens = async (url) => {
  const deadline = performance.now() + PATIENCE;
  while (!(await ask(`${url}/status`, "GET").catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`WebKitWebDriver does not listen at ${url}`);
    await new Promise((resolve) => setTimeout(resolve, 20)); // poll
  }
};

const CAPABILITIES = {
  alwaysMatch: {
    timeouts: { script: 60_000, pageLoad: 60_000 },
    "webkitgtk:browserOptions": { binary: process.env.MINIBROWSER, args: ["--automation"] },
  },
};

/** Starts a driver and a browser of its own; returns `ask(method, path, body)` and how to end both. */
const openSession = async (screen) => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const environment = { ...process.env, DISPLAY: screen.name, WEBKIT_DISABLE_COMPOSITING_MODE: "1" };
  const child = spawn(process.env.WEBKIT_DRIVER, [`--port=${port}`], { stdio: "ignore", env: environment });
  await listens(url);
  const { sessionId } = await ask(`${url}/session`, "POST", { capabilities: CAPABILITIES });
  return {
    ask: (method, path, body) => ask(`${url}/session/${sessionId}${path}`, method, body),
    end: async () => {
      await ask(`${url}/session/${sessionId}`, "DELETE").catch(() => {});
      await end(child);
    },
  };
};

/** The protocol speaks to one tab at a time: each step chooses its own, and waits for the step before. */
const driver = (session, handle) => {
  const step = (work) => {
    const turn = session.turn.then(() => session.ask("POST", "/window", { handle })).then(work);
    session.turn = turn.catch(() => {});
    return turn;
  };
  return {
    navigate: (url) => step(() => session.ask("POST", "/url", { url })),
    run: async (expression) => {
      const [text, error] = await step(() => session.ask("POST", "/execute/async", { script: RUN, args: [expression] }));
      if (error) throw new Error(error);
      return text;
    },
    type: (keys) => step(() => session.ask("POST", "/actions", { actions: strokes(keys) })),
    close: () => step(() => session.ask("DELETE", "/window")),
  };
};

const newContext = async (screen, open) => {
  const session = await openSession(screen);
  session.turn = Promise.resolve();
  let first = await session.ask("GET", "/window");
  const owner = {
    newPage: async () => {
      const handle = first ?? (await session.ask("POST", "/window/new", { type: "tab" })).handle;
      first = undefined;
      return new Tab(driver(session, handle), owner);
    },
    close: async () => (open.delete(owner), await session.end()),
  };
  open.add(owner);
  return owner;
};

/** Starts the screen; returns what Playwright would, as far as tests of all engines need it. */
export const launch = async () => {
  const screen = await openScreen();
  const open = new Set();
  return {
    newContext: () => newContext(screen, open),
    close: async () => {
      for (const context of open) await context.close();
      await screen.end();
    },
  };
};
