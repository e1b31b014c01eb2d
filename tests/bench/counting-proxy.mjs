// An HTTP proxy in front of the collector that counts the bytes of the bodies that pages send.

import { once } from "node:events";
import { createServer, request as sendRequest } from "node:http";

/** Starts the proxy; returns `{ url, bytesUp, requests, close }`, of which `bytesUp` and `requests` count since the last `restart()`. */
export const startCountingProxy = async (upstream) => {
  const proxy = { bytesUp: 0, requests: 0 };
  const server = createServer((request, response) => {
    if (request.method === "POST") proxy.requests += 1;
    request.on("data", (chunk) => (proxy.bytesUp += chunk.length));
    const forwarded = sendRequest(upstream + request.url, { method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    forwarded.on("error", () => response.destroy());
    request.pipe(forwarded);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  proxy.url = `http://127.0.0.1:${server.address().port}`;
  proxy.restart = () => Object.assign(proxy, { bytesUp: 0, requests: 0 });
  proxy.close = () => (server.closeAllConnections(), server.close());
  return proxy;
};
