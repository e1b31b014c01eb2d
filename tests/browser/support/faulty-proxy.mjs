// An HTTP proxy in front of the real collector that injects network faults. A fault is data. Only batches, renewals of the
// cookie and the core's files can have one; everything else passes unchanged, so the page always gets the library.

import { createServer, request as sendRequest } from "node:http";
import { once } from "node:events";
import { gunzipSync } from "node:zlib";

const BATCH_PATH = "/v2/calls";
const RENEWAL_PATH = "/v2/cookie";
const READABLE_BY_PAGES = { "access-control-allow-origin": "*", "access-control-expose-headers": "Retry-After" };

/** Fault: the proxy responds instead of the collector, which never receives the batch. */
export const respondWith = (status, headers = {}, body = "") => ({ status, headers: { ...READABLE_BY_PAGES, ...headers }, body });

/** Fault: the page never gets a response. */
export const NO_RESPONSE = { hasNoResponse: true };

/** Fault: the collector stores the batch, and the connection is cut before the page gets the response. */
export const CUT_AFTER_STORE = { isCut: true };

/** Fault: a captive portal responds with success. */
export const CAPTIVE_PORTAL = respondWith(200, { "content-type": "text/html" }, "<!doctype html><title>Welcome</title><p>Please log in.");

/** Fault: the collector stores the batch at once, and the page gets the response `delayMs` later. */
export const delayedResponse = (delayMs) => ({ delayMs });

/** Returns the text of a body, which pages compress if it is long. */
const decodeBody = (body) => String(body[0] === 0x1f ? gunzipSync(body) : body);

const readBody = async (stream) => {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
};

/** A proxy in front of the collector at `upstream`. */
export class FaultyProxy {
  /** The faults of the next batches, one each. */
  nextFaults = [];
  /** The fault of all later batches; undefined forwards them. */
  fault = undefined;
  /** The fault of the core's files. */
  assetFault = undefined;
  /** The fault of renewals of the cookie. */
  renewalFault = undefined;
  /** All received batches: `{ at, fault, bytes, body }`; `at` in milliseconds, `bytes` as sent. */
  batches = [];
  /** The number of batches in flight, and its maximum so far. */
  inFlight = 0;
  maxInFlight = 0;
  batchWaiters = [];
  renewalWaiters = [];

  static async start(upstream) {
    const proxy = new FaultyProxy();
    proxy.upstream = upstream;
    proxy.server = createServer((request, response) => proxy.handle(request, response).catch(() => response.destroy()));
    await proxy.accept(0);
    proxy.port = proxy.server.address().port;
    proxy.url = `http://127.0.0.1:${proxy.port}`;
    return proxy;
  }

  /** Accepts connections (again). */
  async accept(port = this.port) {
    this.server.listen(port, "127.0.0.1");
    await once(this.server, "listening");
  }

  /** Refuses new connections and closes the open ones. */
  async refuse() {
    if (!this.server.listening) return;
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, "close");
  }

  /** Refuses connections for `durationMs`; returns when the proxy accepts them again. */
  async refuseFor(durationMs) {
    await this.refuse();
    setTimeout(() => this.accept(), durationMs);
    await once(this.server, "listening");
  }

  async close() {
    await this.refuse();
  }

  async handle(request, response) {
    const isBatch = request.method === "POST" && request.url.startsWith(BATCH_PATH);
    const body = await readBody(request);
    const fault = (isBatch ? (this.nextFaults.shift() ?? this.fault) : this.faultOf(request.url)) ?? {};
    if (request.url.startsWith(RENEWAL_PATH)) this.renewalWaiters.splice(0).forEach((resolve) => resolve());
    if (isBatch) this.countInFlight(response);
    if (isBatch) this.batches.push({ at: performance.now(), fault, bytes: body.length, body: decodeBody(body) });
    if (isBatch) this.batchWaiters.splice(0).forEach((resolve) => resolve());
    if (fault.hasNoResponse) return;
    if (fault.status) return response.writeHead(fault.status, fault.headers).end(fault.body);
    const upstreamResponse = await this.forward(request, body);
    const upstreamBody = await readBody(upstreamResponse);
    if (fault.isCut) return response.destroy();
    // Each batch opens a new connection.
    const connection = isBatch ? { connection: "close" } : {};
    const respond = () => response.writeHead(upstreamResponse.statusCode, { ...upstreamResponse.headers, ...connection }).end(upstreamBody);
    if (fault.delayMs) setTimeout(respond, fault.delayMs);
    else respond();
  }

  /** Returns the fault of a request that is no batch. */
  faultOf(url) {
    if (url.startsWith("/assets/")) return this.assetFault;
    return url.startsWith(RENEWAL_PATH) ? this.renewalFault : undefined;
  }

  /** Returns when the proxy has received the next renewal of the cookie. */
  nextRenewal() {
    return new Promise((resolve) => this.renewalWaiters.push(resolve));
  }

  /** Returns when the proxy has received the next batch. */
  nextBatch() {
    return new Promise((resolve) => this.batchWaiters.push(resolve));
  }

  countInFlight(response) {
    this.maxInFlight = Math.max(this.maxInFlight, ++this.inFlight);
    response.on("close", () => (this.inFlight -= 1));
  }

  async forward({ url, method, headers }, body) {
    const request = sendRequest(this.upstream + url, { method, headers: { ...headers, connection: "close" } });
    request.end(body);
    const [response] = await once(request, "response");
    return response;
  }
}
