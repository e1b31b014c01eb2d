// HTTP to the collector: one POST at a time, and a beacon when the page closes. Retry and backoff are decided by the core.

import { tryCall } from "../safe.js";

/**
 * Returns `{ post, abort, beacon }`. `post(number, body)` sends a batch and passes the outcome to `core.onResponse`, once, with the same
 * number; it aborts the request before. `abort()` aborts the current request. `beacon(body)` sends a batch without waiting for a response.
 */
export const createTransport = (url, core) => {
  let controller;
  const abort = () => controller?.abort();
  return {
    post: async (number, body) => {
      abort();
      try {
        controller = new AbortController();
        // Without `keepalive`: a beacon sends the batch again when the page closes. Chromium 156 does not release an aborted `keepalive`
        // request, and its quota of 64 KiB for those and for beacons stays in use as long as the server does not respond.
        const response = await fetch(url, { method: "POST", body, signal: controller.signal });
        core.onResponse(number, response, await response.text().catch(() => ""));
      } catch (e) {
        core.onResponse(number, undefined, "");
      }
    },
    abort,
    beacon: (body) => tryCall(() => navigator.sendBeacon(url, body)),
  };
};
