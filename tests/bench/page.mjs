// `cargo xtask bench page`: what the library costs a page, in real Chromium against the real collector. The same page is measured empty, with
// the control spool of `control-spool.js`, and with Tillroll, in turns; the table has medians. Ratios compare between machines, absolute
// numbers do not. Run it on an idle machine.

import { readFileSync } from "node:fs";

import { launch } from "../browser/support/browser.mjs";
import { Collector, TOKEN } from "../browser/support/collector.mjs";
import { startShop } from "../browser/support/shop-server.mjs";
import { startCountingProxy } from "./counting-proxy.mjs";

const ROUNDS = Number(process.argv[2] ?? 7);
const BURSTS = 100;
const CALLS_OF_A_BURST = 10;
const CALLS = BURSTS * CALLS_OF_A_BURST;
const SPOOL = readFileSync(new URL("./control-spool.js", import.meta.url), "utf8");
const SETTLE_MS = 2_000;
const IDLE_MS = 5_000;

/** subject: the head of its page, and the call that the page repeats. */
const subjects = (collector) => ({
  empty: ["<script>window.call = () => {};</script>"],
  control: [
    `<script src="/control-spool.js" data-collector="${collector}" data-token="${TOKEN}"></script>`,
    '<script>window.call = (at) => control("burst", { at, color: "red" });</script>',
  ],
  tillroll: [
    `<script src="${collector}/tracking.js?token=${TOKEN}"></script>`,
    '<script>window.call = (at) => metrilo.customEvent("burst", { at, color: "red" });</script>',
  ],
});

/** Runs in the page: makes the calls in bursts, a task each; returns the wall time inside the calls, in milliseconds. */
const makeCalls = ([bursts, callsOfABurst]) =>
  new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("the calls took longer than a minute")), 60_000);
    let insideMs = 0;
    let burst = 0;
    const run = () => {
      const start = performance.now();
      for (let at = 0; at < callsOfABurst; at++) window.call(burst * callsOfABurst + at);
      insideMs += performance.now() - start;
      if (++burst < bursts) setTimeout(run, 20);
      else resolve(insideMs);
    };
    run();
  });

/** Measures one visit of the page `name` by a new visitor, with a collector of its own. */
const measure = async (browser, name) => {
  const collector = await Collector.start();
  const proxy = await startCountingProxy(collector.url);
  const shop = await startShop({ "/": subjects(proxy.url)[name].join(""), "/control-spool.js": SPOOL });
  const context = await browser.newContext();
  try {
    return await visit(context, { url: shop.url, collector, proxy, isTracked: name !== "empty" });
  } finally {
    await context.close();
    await shop.close();
    proxy.close();
    await collector.close();
  }
};

const visit = async (context, { url, collector, proxy, isTracked }) => {
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send("Performance.enable");
  const metrics = async () => Object.fromEntries((await devtools.send("Performance.getMetrics")).metrics.map(({ name, value }) => [name, value * 1_000]));
  await page.goto(url, { waitUntil: "load" });
  await page.waitForTimeout(SETTLE_MS);
  const started = await metrics();
  await devtools.send("HeapProfiler.enable");
  await devtools.send("HeapProfiler.collectGarbage");
  const { usedSize } = await devtools.send("Runtime.getHeapUsage");
  await devtools.send("HeapProfiler.disable");

  proxy.restart();
  const before = await metrics();
  const insideMs = await page.evaluate(makeCalls, [BURSTS, CALLS_OF_A_BURST]);
  if (isTracked) await collector.waitForEvents((events) => events.filter(({ params }) => params.name === "burst").length === CALLS, 120_000);
  await page.waitForTimeout(SETTLE_MS);
  const called = await metrics();
  const { bytesUp } = proxy;

  proxy.restart();
  await page.waitForTimeout(IDLE_MS);
  const idle = await metrics();
  return {
    "script CPU at start, ms": started.ScriptDuration,
    "main thread at start, ms": started.TaskDuration,
    "JS heap after load, KiB": usedSize / 1_024,
    "main thread per event, µs": ((called.TaskDuration - before.TaskDuration) * 1_000) / CALLS,
    "wall time inside a call, µs": (insideMs * 1_000) / CALLS,
    "bytes up per event": bytesUp / CALLS,
    "main thread while idle, µs/s": ((idle.TaskDuration - called.TaskDuration) * 1_000) / (IDLE_MS / 1_000),
    "requests while idle": proxy.requests,
  };
};

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

const printTable = (results) => {
  const format = (value) => (Math.abs(value) < 10 ? value.toFixed(2) : Math.round(value).toString());
  console.log("| what | empty | control | tillroll | tillroll - empty | × control |");
  console.log("|---|---:|---:|---:|---:|---:|");
  for (const what of Object.keys(results.empty[0])) {
    const [empty, control, tillroll] = ["empty", "control", "tillroll"].map((name) => median(results[name].map((result) => result[what])));
    const ratio = control > empty ? ((tillroll - empty) / (control - empty)).toFixed(2) : "";
    console.log(`| ${what} | ${format(empty)} | ${format(control)} | ${format(tillroll)} | ${format(tillroll - empty)} | ${ratio} |`);
  }
};

const NAMES = Object.keys(subjects(""));
const results = Object.fromEntries(NAMES.map((name) => [name, []]));
const browser = await launch();
try {
  for (let round = 1; round <= ROUNDS; round++) {
    for (const name of NAMES) results[name].push(await measure(browser, name));
    console.error(`round ${round} of ${ROUNDS}`);
  }
} finally {
  await browser.close();
}
printTable(results);
