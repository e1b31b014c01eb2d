// An HTTP server for the pages of a shop. Its origin is not the collector's, as in most shops.

import { createServer } from "node:http";
import { EventEmitter, once } from "node:events";
import { readFileSync } from "node:fs";
import { extname } from "node:path";

const HEAD = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>Shop</title>';

const CONTENT_TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

/** Serves the files of the demo shop from another origin than the collector's; their script tags load the library from `collector`. */
export const startDemoShop = (collector, token) => {
  const serveFile = (request) => {
    const name = new URL(request.url, "http://shop").pathname.slice(1) || "index.html";
    const text = readFileSync(new URL(`../../../www/shop/${name}`, import.meta.url), "utf8");
    const body = text.replaceAll('"/tracking.js', `"${collector}/tracking.js`).replaceAll("{{token}}", token);
    return { type: CONTENT_TYPES[extname(name)], body };
  };
  return startShop(new Proxy({}, { get: () => serveFile }));
};

/**
 * Serves `pages`, `{path: html | (request) => {status, headers, body}}`. Returns `{url, pages, nextRequest, close}`; `nextRequest(path)` waits
 * for the next request of that path.
 */
export const startShop = async (pages, { host = "127.0.0.1" } = {}) => {
  const requests = new EventEmitter();
  const server = createServer((request, response) => {
    const path = request.url.split("?")[0];
    requests.emit(path);
    const page = pages[path];
    const content = typeof page === "function" ? page(request) : { body: page };
    if (page === undefined) return response.writeHead(404).end();
    const type = content.type ?? (path.endsWith(".js") ? "text/javascript" : "text/html");
    response.writeHead(content.status ?? 200, { "content-type": `${type}; charset=utf-8`, ...content.headers });
    response.end(type === "text/html" && !content.type ? HEAD + content.body : content.body);
  });
  server.listen(0, host);
  await once(server, "listening");
  return {
    url: `http://${host}:${server.address().port}`,
    pages,
    nextRequest: (path) => once(requests, path),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
};
