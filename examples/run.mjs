#!/usr/bin/env node
// `node examples/run.mjs NAME`: builds an example, starts a collector with an empty store, and serves the example until Ctrl-C.

import { COLLECTOR_BINARY, WORK, install } from "./runner/install.mjs";
import { names, startExample } from "./runner/start.mjs";

const [name] = process.argv.slice(2);
if (!names().includes(name)) {
  console.error(`usage: node examples/run.mjs NAME, with one of ${names().join(", ")}`);
  process.exit(2);
}
install();
const { startCollector } = await import(new URL("node_modules/tillroll/testing.js", WORK));
const collector = await startCollector({ binary: COLLECTOR_BINARY });
const { url } = await startExample(name, { collector: collector.url, token: collector.token });
console.log(`${name}: ${url}`);
console.log(`its events: ${collector.url}/test/events, or ${collector.url}/live as user ${collector.token}, password ${collector.secret}`);
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void collector.close().then(() => process.exit(0)));
