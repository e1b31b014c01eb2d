// A shop: pages given as text, served from an origin that is not the collector's, as most shops are.

import { createServer } from "node:http";
import { EventEmitter, once } from "node:events";
import { readFileSync } from "node:fs";
import { extname } from "node:path";

const HEAD = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>Shop</title>';

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

/** Serves the demo shop's own files from an origin apart, its script tag pointing to `collector`. */
export const openDemoShop = (collector, token) => {
  const file = (request) => {
    const name = new URL(request.url, "http://shop").pathname.slice(1) || "index.html";
    const text = readFileSync(new URL(`../../../www/shop/${name}`, import.meta.url), "utf8");
    const body = text.replaceAll('"/tracking.js', `"${collector}/tracking.js`).replaceAll("{{token}}", token);
    return { type: TYPES[extname(name)], body };
  };
  return openShop(new Proxy({}, { get: () => file }));
};

/** Serves `pages`, `{path: html | (request) => {status, headers, body}}`; returns `{url, close, next}`; `next(path)` waits for the next request. */
export const openShop = async (pages, { host = "127.0.0.1" } = {}) => {
  const asked = new EventEmitter();
  const server = createServer((request, response) => {
    const path = request.url.split("?")[0];
    asked.emit(path);
    const page = pages[path];
    const answer = typeof page === "function" ? page(request) : { body: page };
    if (page === undefined) return response.writeHead(404).end();
    const type = answer.type ?? (path.endsWith(".js") ? "text/javascript" : "text/html");
    response.writeHead(answer.status ?? 200, { "content-type": `${type}; charset=utf-8`, ...answer.headers });
    response.end(type === "text/html" && !answer.type ? HEAD + answer.body : answer.body);
  });
  server.listen(0, host);
  await once(server, "listening");
  return {
    url: `http://${host}:${server.address().port}`,
    pages,
    next: (path) => once(asked, path),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
};
