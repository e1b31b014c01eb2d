// The real collector as a child process: the release binary with its own temporary data folder.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { once } from "node:events";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const BINARY = resolve(process.env.TILLROLL_BIN ?? "target/release/tillroll");

/**
 * A group of collectors to use instead of one that is started: the address of its load balancer, and that of a collector to read from, which
 * no test kills, as `http://TOKEN:SECRET@HOST:PORT`.
 */
const BALANCER = process.env.TILLROLL_TEST_BALANCER;
const READER = process.env.TILLROLL_TEST_READER && new URL(process.env.TILLROLL_TEST_READER);

export const TOKEN = READER?.username ?? "sh0p-t0k3n";
export const SECRET = READER?.password ?? "m3trilo-secr3t";

/** Returns a TCP port of the loopback interface that is free. */
export const freePort = async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
};

/** A collector that a test can stop and restart with the same data and the same port. */
export class Collector {
  /** Starts `binary`; without it, the release build, or the one that the environment variable `TILLROLL_BIN` names. */
  static async start(flags = [], binary = BINARY) {
    const collector = new Collector();
    if (BALANCER) return Object.assign(collector, { url: BALANCER, reader: READER.origin });
    collector.binary = binary;
    collector.flags = flags;
    collector.data = await mkdtemp(join(tmpdir(), "tillroll-test-"));
    collector.port = await freePort();
    collector.url = `http://127.0.0.1:${collector.port}`;
    await collector.resume();
    return collector;
  }

  /** Starts the process and returns once it has printed its first line, which it does when it listens. */
  async resume() {
    const project = `${TOKEN}:${SECRET}`;
    const args = ["serve", "--listen", `127.0.0.1:${this.port}`, "--data", this.data, "--project", project, ...this.flags];
    this.process = spawn(this.binary, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.log = "";
    this.process.stderr.on("data", (chunk) => (this.log += chunk));
    let output = "";
    for await (const chunk of this.process.stdout) {
      output += chunk;
      if (output.includes("\n")) break;
    }
    if (!output.includes("\n")) throw new Error(`the collector did not start: ${this.log}`);
    this.process.stdout.resume();
  }

  /** Stops the process: `SIGTERM` as an operator does, `SIGKILL` as a crash does. */
  async stop(signal = "SIGTERM") {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exit = once(this.process, "exit");
    this.process.kill(signal);
    await exit;
  }

  async close() {
    if (!this.process) return;
    await this.stop("SIGKILL");
    await rm(this.data, { recursive: true, force: true });
  }

  /** Returns the headers that authenticate the project's owner. */
  ownerHeaders() {
    return { authorization: "Basic " + Buffer.from(`${TOKEN}:${SECRET}`).toString("base64") };
  }

  /** Returns how many records with an id the metrics API finds, such as `orders`. It answers once the projection has everything that is stored. */
  async countFresh(resource, idField) {
    const { access_token: token } = await (await fetch(`${this.url}/reports/token`, { method: "POST", headers: this.ownerHeaders() })).json();
    const headers = { accept: "application/vnd.api.v1+json", "content-type": "application/vnd.api+json", authorization: `Bearer ${token}` };
    const body = JSON.stringify({ stats: { field: idField, operator: "value_count" } });
    const response = await fetch(`${this.url}/metrics/${resource}/stats?fresh=1`, { method: "POST", headers, body });
    if (!response.ok) throw new Error(`metrics: ${response.status} ${await response.text()}`);
    return (await response.json()).data.value;
  }

  /** Returns all stored events in storage order. */
  async events() {
    const response = await fetch(`${this.reader ?? this.url}/export/events?limit=10000`, { headers: this.ownerHeaders() });
    if (!response.ok) throw new Error(`export: ${response.status} ${await response.text()}`);
    const lines = (await response.text()).split("\n").filter(Boolean);
    return lines.map((line) => JSON.parse(line));
  }

  /**
   * Waits until `isEnough(events)` holds for the stored events, and returns them. Follows the live stream instead of sleeping. Fails after
   * `timeoutMs` with the events stored so far.
   */
  async waitForEvents(isEnough, timeoutMs = 20_000) {
    const timeout = AbortSignal.timeout(timeoutMs);
    let events = await this.events();
    if (isEnough(events)) return events;
    try {
      const stream = await fetch(`${this.reader ?? this.url}/live/events`, { headers: this.ownerHeaders(), signal: timeout });
      events = await this.events();
      if (isEnough(events)) return events;
      for await (const chunk of stream.body) {
        if (!chunk.length) continue;
        events = await this.events();
        if (isEnough(events)) return events;
      }
    } catch (error) {
      if (!timeout.aborted) throw error;
    }
    events = await this.events();
    if (isEnough(events)) return events;
    throw new Error(`not stored within ${timeoutMs} ms; stored: ${JSON.stringify(events.map((event) => [event.type, event.email, event.params]))}`);
  }
}
