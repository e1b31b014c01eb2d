// `tillroll/testing`: starts an ephemeral collector for the tests of a shop, and reads what it received. It runs under Node.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

import { differences, explain } from "./nearest-event.js";

const EXPECT_TIMEOUT_MS = 5_000;
const POLL_INTERVAL_MS = 50;

/** Starts `tillroll serve --ephemeral` on a free port; returns its child process and its address. */
const startProcess = async (binary, project) => {
  const env = { ...process.env, TILLROLL_PROJECTS: project };
  const child = spawn(binary, ["serve", "--ephemeral", "--listen", "127.0.0.1:0"], { env, stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  child.stderr.on("data", (chunk) => (log += chunk));
  const url = await new Promise((resolve, reject) => {
    child.once("error", ({ code }) => reject(new Error(`cannot start ${binary} (${code}); install tillroll, or set TILLROLL_BIN to its path`)));
    child.once("exit", () => reject(new Error(`the collector ended: ${log}`)));
    createInterface(child.stdout).once("line", (line) => resolve(line.split(" ").at(-1)));
  });
  // The collector ends with the tests, even if they crash.
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  child.stdout.resume();
  return { child, url };
};

const request = async (url, init) => {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response;
};

/** Starts a collector; see testing.d.ts. */
export const startCollector = async ({ binary = process.env.TILLROLL_BIN ?? "tillroll", token = "test", secret = "test-secret" } = {}) => {
  const { child, url } = await startProcess(binary, `${token}:${secret}`);
  const list = async (name) => (await request(`${url}/test/${name}`)).json();
  const tracked = {
    url,
    token,
    secret,
    scriptUrl: `${url}/tracking.js?token=${token}`,
    events: () => list("events"),
    rejected: () => list("rejected"),
    reset: async () => void (await request(`${url}/test/reset`, { method: "POST" })),
    expect: async (expected, { timeout = EXPECT_TIMEOUT_MS } = {}) => {
      const deadline = Date.now() + timeout;
      for (;;) {
        const events = await tracked.events();
        const match = events.find((event) => !differences(expected, event).length);
        if (match) return match;
        if (Date.now() >= deadline) throw new Error(explain(expected, events, await tracked.rejected()));
        await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
      }
    },
    close: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.once("exit", () => resolve());
        child.kill();
      }),
  };
  return tracked;
};

/** Returns the fixtures for Playwright's `test.extend`; see testing.d.ts. */
export const trackingFixtures = (options) => ({
  trackedCollector: [
    // Playwright requires a destructured first parameter.
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      const collector = await startCollector(options);
      await use(collector);
      await collector.close();
    },
    { scope: "worker" },
  ],
  tracked: async ({ trackedCollector }, use) => {
    await trackedCollector.reset();
    await use(trackedCollector);
  },
});
