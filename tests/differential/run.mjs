// Compares two builds: plays the same random pages through both, each against its own collector, and compares the exported events.
//
//     node tests/differential/run.mjs BINARY_BEFORE BINARY_AFTER [SCENARIOS] [FIRST_SEED]
//
// A binary is a `target/release/tillroll`, which contains the scripts that it serves. The exit code is 1 if any scenario differs.

import assert from "node:assert/strict";

import { launch } from "../browser/support/browser.mjs";
import { Collector } from "../browser/support/collector.mjs";
import { play } from "./play.mjs";
import { randomScenario } from "./scenario.mjs";

const [before, after, scenarios = "100", firstSeed = "1"] = process.argv.slice(2);
if (!after) throw new Error("usage: node tests/differential/run.mjs BINARY_BEFORE BINARY_AFTER [SCENARIOS] [FIRST_SEED]");

const browser = await launch();
let eventCount = 0;
const different = [];
for (let seed = Number(firstSeed); seed < Number(firstSeed) + Number(scenarios); seed++) {
  const steps = randomScenario(seed);
  const results = [];
  for (const binary of [before, after]) {
    const collector = await Collector.start([], binary);
    try {
      results.push(await play(browser, collector, steps));
    } finally {
      await collector.close();
    }
  }
  eventCount += results[0].events.length;
  try {
    assert.deepEqual(results[1], results[0]);
  } catch (error) {
    different.push(seed);
    console.log(`seed ${seed}: ${JSON.stringify(steps)}\n${error.message}`);
  }
}
await browser.close();
console.log(`${scenarios} scenarios, ${eventCount} events, ${different.length} different${different.length ? `: seeds ${different}` : ""}`);
process.exitCode = different.length ? 1 : 0;
