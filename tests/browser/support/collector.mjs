// The real collector, as an operator runs it: the release binary on a data folder of its own.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { once } from "node:events";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const BINARY = resolve(process.env.TILLROLL_BIN ?? "target/release/tillroll");

export const TOKEN = "sh0p-t0k3n";
export const SECRET = "m3trilo-secr3t";

/** Returns a port that nobody listens on. */
export const freePort = async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
};

/** A collector that can be stopped and started again on the same data and the same port. */
export class Collector {
  static async start(flags = []) {
    const collector = new Collector();
    collector.flags = flags;
    collector.data = await mkdtemp(join(tmpdir(), "tillroll-test-"));
    collector.port = await freePort();
    collector.url = `http://127.0.0.1:${collector.port}`;
    await collector.resume();
    return collector;
  }

  async resume() {
    const project = `${TOKEN}:${SECRET}`;
    const args = ["serve", "--listen", `127.0.0.1:${this.port}`, "--data", this.data, "--project", project, ...this.flags];
    this.process = spawn(BINARY, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.log = "";
    this.process.stderr.on("data", (text) => (this.log += text));
    let said = "";
    for await (const text of this.process.stdout) {
      said += text;
      if (said.includes("\n")) break;
    }
    if (!said.includes("\n")) throw new Error(`the collector did not start: ${this.log}`);
    this.process.stdout.resume();
  }

  /** Stops the collector: `SIGTERM` as an operator does, `SIGKILL` as a fault does. */
  async stop(signal = "SIGTERM") {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exit = once(this.process, "exit");
    this.process.kill(signal);
    await exit;
  }

  async close() {
    await this.stop("SIGKILL");
    await rm(this.data, { recursive: true, force: true });
  }

  authorised() {
    return { authorization: "Basic " + Buffer.from(`${TOKEN}:${SECRET}`).toString("base64") };
  }

  /** Returns every event stored so far, in the order in which they were stored. */
  async events() {
    const response = await fetch(`${this.url}/export/events?limit=10000`, { headers: this.authorised() });
    if (!response.ok) throw new Error(`export: ${response.status} ${await response.text()}`);
    const lines = (await response.text()).split("\n").filter(Boolean);
    return lines.map((line) => JSON.parse(line));
  }

  /**
   * Waits until the stored events satisfy `enough`, listening to the collector instead of sleeping; returns them. Fails after `patience`
   * milliseconds with what was stored.
   */
  async until(enough, patience = 20_000) {
    const giveUp = AbortSignal.timeout(patience);
    let events = await this.events();
    if (enough(events)) return events;
    try {
      const stream = await fetch(`${this.url}/live/events`, { headers: this.authorised(), signal: giveUp });
      events = await this.events();
      if (enough(events)) return events;
      for await (const chunk of stream.body) {
        if (!chunk.length) continue;
        events = await this.events();
        if (enough(events)) return events;
      }
    } catch (error) {
      if (!giveUp.aborted) throw error;
    }
    events = await this.events();
    if (enough(events)) return events;
    throw new Error(`not stored within ${patience} ms; stored: ${JSON.stringify(events.map((event) => [event.type, event.email, event.params]))}`);
  }
}
