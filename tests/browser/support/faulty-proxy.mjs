// What can go wrong between a page and the collector, done to real requests before the real collector. A fault is data; what is not a batch
// passes untouched, so that the library always arrives.

import { createServer, request as send } from "node:http";
import { connect, createServer as createTcpServer } from "node:net";
import { once } from "node:events";

const BATCH = "/v2/batch";
const PAGES_MAY_READ = { "access-control-allow-origin": "*", "access-control-expose-headers": "Retry-After" };

/** The proxy answers instead of the collector, which never hears of the batch. */
export const answers = (status, headers = {}, body = "") => ({ status, headers: { ...PAGES_MAY_READ, ...headers }, body });

/** Nobody ever answers. */
export const SILENCE = { silent: true };

/** The collector stores the batch, and the connection is cut before the page hears of it. */
export const CUT = { cut: true };

/** A hotel's portal: a success that is none. */
export const PORTAL = answers(200, { "content-type": "text/html" }, "<!doctype html><title>Welcome</title><p>Please log in.");

/** The collector stores the batch at once, and the page hears of it `late` milliseconds after. */
export const slow = (late) => ({ late });

const bodyOf = async (stream) => {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
};

/** A proxy before the collector at `upstream`. */
export class FaultyProxy {
  /** A fault for each of the next batches. */
  next = [];
  /** The fault of every batch after those; none lets it pass. */
  fault = undefined;
  /** The fault of the core's files. */
  assets = undefined;
  /** Every batch that came: `{ at, fault, body, events }`, `at` in milliseconds, `events` as many as it holds. */
  batches = [];
  /** How many batches are under way, and how many were at most. */
  underWay = 0;
  most = 0;
  arrivals = [];

  static async start(upstream) {
    const proxy = new FaultyProxy();
    proxy.upstream = upstream;
    proxy.server = createServer((request, response) => proxy.pass(request, response).catch(() => response.destroy()));
    await proxy.accept(0);
    proxy.port = proxy.server.address().port;
    proxy.url = `http://127.0.0.1:${proxy.port}`;
    return proxy;
  }

  /** Connections are taken (again). */
  async accept(port = this.port) {
    this.server.listen(port, "127.0.0.1");
    await once(this.server, "listening");
  }

  /** Connections are refused, and those that are open end. */
  async refuse() {
    if (!this.server.listening) return;
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, "close");
  }

  /** Connections are refused for `time` milliseconds; returns when that is over. */
  async refuseFor(time) {
    await this.refuse();
    setTimeout(() => this.accept(), time);
    await once(this.server, "listening");
  }

  async close() {
    await this.refuse();
  }

  async pass(request, response) {
    const isBatch = request.method === "POST" && request.url.startsWith(BATCH);
    const body = await bodyOf(request);
    const fault = (isBatch ? (this.next.shift() ?? this.fault) : request.url.startsWith("/assets/") ? this.assets : undefined) ?? {};
    if (isBatch) this.watch(response);
    if (isBatch) this.batches.push({ at: performance.now(), fault, body: String(body), events: String(body).split('"id":').length - 1 });
    if (isBatch) this.arrivals.splice(0).forEach((tell) => tell());
    if (fault.silent) return;
    if (fault.status) return response.writeHead(fault.status, fault.headers).end(fault.body);
    const answer = await this.ask(request, body);
    const text = await bodyOf(answer);
    if (fault.cut) return response.destroy();
    // Each batch pays for a connection of its own.
    const closing = isBatch ? { connection: "close" } : {};
    const reply = () => response.writeHead(answer.statusCode, { ...answer.headers, ...closing }).end(text);
    if (fault.late) setTimeout(reply, fault.late);
    else reply();
  }

  /** Returns when the next batch has come. */
  arrival() {
    return new Promise((resolve) => this.arrivals.push(resolve));
  }

  watch(response) {
    this.most = Math.max(this.most, ++this.underWay);
    response.on("close", () => (this.underWay -= 1));
  }

  async ask({ url, method, headers }, body) {
    const asked = send(this.upstream + url, { method, headers: { ...headers, connection: "close" } });
    asked.end(body);
    const [answer] = await once(asked, "response");
    return answer;
  }
}

const GREETING = Buffer.from([5, 0]);
const OPENED = Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]);

/**
 * Opens a door (SOCKS 5) that every connection has to pass, `delay` milliseconds each: until then the browser cannot have sent a byte.
 * Returns `{ url, close }`.
 */
export const openDoor = async (delay) => {
  const open = new Set();
  const keep = (socket) => (open.add(socket), socket.on("error", () => socket.destroy()).on("close", () => open.delete(socket)));
  const pass = async (socket) => {
    await once(socket, "data");
    socket.write(GREETING);
    const [asked] = await once(socket, "data");
    setTimeout(() => {
      const beyond = keep(connect(asked.readUInt16BE(asked.length - 2), "127.0.0.1"));
      beyond.on("connect", () => (socket.write(OPENED), socket.pipe(beyond).pipe(socket)));
      beyond.on("close", () => socket.destroy());
    }, delay);
  };
  // A browser that is killed at the door cuts its connection.
  const server = createTcpServer((socket) => pass(keep(socket)).catch(() => socket.destroy()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `socks5://127.0.0.1:${server.address().port}`,
    close: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
};
