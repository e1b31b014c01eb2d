// HTTP to the collector: one POST at a time, and a beacon when the page closes. Retry and backoff are decided by the core.

import { tryCall } from "../safe.js";

/* global ACTIONS */

/** Shorter bodies are not compressed: it would save less than a packet. */
const MIN_COMPRESSED_CHARS = 1024;

/**
 * Returns a body compressed with gzip, which the collector recognises by its first bytes: a header for it would cost a preflight request.
 * Returns it unchanged if it is short, or if the browser or the page prevents that.
 */
const compress = async (body) => {
  if (body.length < MIN_COMPRESSED_CHARS) return body;
  try {
    // Not by blobs, which Chromium 156 keeps in another process: they take three times as long.
    const stream = new window.Response(body).body.pipeThrough(new window.CompressionStream("gzip"));
    return await new window.Response(stream).arrayBuffer();
  } catch (e) {
    return body;
  }
};

/**
 * Returns the functions for the effects `Send`, `Abort` and `Beacon`, see src/effect.rs. `Send` passes the outcome to `core.respond`, once; it
 * aborts the request before, which has no outcome then.
 */
export const createTransport = (url, encodeBody, core) => {
  const encode = (entries, _, dropped) => encodeBody(entries, { dropped: dropped || null });
  let current;
  const abort = () => {
    if (current) current.abort();
    current = undefined;
  };
  return {
    [ACTIONS.Send]: async (...batch) => {
      abort();
      let request;
      const finish = (...outcome) => request === current && core.respond(...outcome);
      try {
        request = current = new window.AbortController();
        // Without `keepalive`: a beacon sends the calls again when the page closes. Chromium 156 does not release an aborted `keepalive`
        // request, and its quota of 64 KiB for those and for beacons stays in use as long as the server does not respond.
        const body = await compress(encode(...batch));
        const response = await window.fetch(url, { method: "POST", body, signal: request.signal });
        finish(response, response.headers.get("retry-after"), await response.text().catch(() => ""));
      } catch (e) {
        finish();
      }
    },
    [ACTIONS.Abort]: abort,
    [ACTIONS.Beacon]: (...batch) => tryCall(() => window.navigator.sendBeacon(url, encode(...batch))),
  };
};
