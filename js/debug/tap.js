// Attaches the debug panel: it taps the calls between the core and the host, and shows each event and its status. Neither side depends on
// it, and it changes no argument and no result.

import { decodeFlat } from "../calls/flat-decode.js";
import { asObject, tryCall } from "../safe.js";
import { SESSION_COOKIE, VISITOR_COOKIE } from "../storage/cookies.js";
import { eventLabel, sessionLabel, visitorLabel } from "./labels.js";
import { openPanel } from "./panel.js";

/* global __SESSION_TIMEOUT_MS__ */

/** Returns the fields of an encoded call, or of the core's start options. */
const decode = (text) => asObject(tryCall(decodeFlat, text));

const parseJson = (json) => tryCall(JSON.parse, json) || {};

/** Returns the ids of the events in a batch. */
const batchIds = (body) => (parseJson(body).events || []).map(({ id }) => id);

/** Calls `observers[name]` before each call of `functions[name]`, with the same arguments; its exceptions are ignored. */
const tap = (functions, observers) => {
  for (const name of Object.keys(observers)) {
    const original = functions[name];
    functions[name] = (...args) => {
      tryCall(observers[name], ...args);
      return original(...args);
    };
  }
};

/** Opens the panel and returns the core with taps on it and, once it starts, on its host. */
export const attach = (core) => {
  const { addLine, setStatus } = openPanel();
  const requests = new Map();
  const eventIds = new Map();
  const rejections = new Map();
  let visitor;
  let session;
  let consent;
  /** The events of the request that just failed: the next report is about them. */
  let failedIds;
  /** The keys that were deleted last: an error report that follows is about that call. */
  let deletedKeys;
  /** Why the core drops the events that it deletes next. */
  let dropReason;

  const onVisitor = (name, isNew) => {
    if (!name || name === visitor) return;
    visitor = name;
    if (isNew || name.includes("@")) addLine(visitorLabel(name));
  };
  const onSession = (id, isNew) => {
    if (!id || id === session) return;
    session = id;
    addLine(sessionLabel(id, isNew));
  };
  const idsOf = (keys) => keys.split(",").map((key) => eventIds.get(key));

  const hostObservers = {
    put: (key, text) => {
      const event = parseJson(text);
      if (!visitor) onVisitor(event.visitorId, true);
      onSession(event.sessionId, true);
      eventIds.set(key, event.id);
      addLine(eventLabel(event), event.params, event.id);
      setStatus([event.id], "kept");
    },
    delete: (keys) => {
      deletedKeys = keys;
      if (dropReason) setStatus(idsOf(keys), "dropped", dropReason);
      dropReason = undefined;
    },
    writeState: (name, value) => {
      if (name === VISITOR_COOKIE) onVisitor(value, true);
      if (name === SESSION_COOKIE) onSession(new URLSearchParams(value).get("sid"), true);
    },
    post: (number, body) => {
      requests.set(number, batchIds(body));
      setStatus(batchIds(body), "sent");
    },
    beacon: (body) => setStatus(batchIds(body), "sent", "by beacon on page close"),
    report: ([name, , reason, field]) => {
      if (name === "error") rejections.set(deletedKeys, reason + (field ? `, ${field}` : ""));
      if (name !== "dropped") return;
      if (failedIds) setStatus(failedIds, "dropped", reason);
      else dropReason = reason;
    },
  };

  const coreObservers = {
    start: (host, options) => {
      const state = decode(options);
      ({ consent } = state);
      onVisitor(state.visitor);
      const stored = new URLSearchParams(state.session);
      if (Date.now() - stored.get("t") < __SESSION_TIMEOUT_MS__) onSession(stored.get("sid"));
      tap(host, hostObservers);
    },
    consent: (state) => {
      consent = state;
    },
    deletedElsewhere: (keys) => setStatus(idsOf(keys), "stored", "by another tab"),
  };

  const tapped = { ...core };
  tap(tapped, coreObservers);
  tapped.call = (key, text) => {
    core.call(key, text);
    // An event of another tab, or a call that became an event.
    if (text[1] !== ":" || eventIds.has(key)) return;
    addLine(`No event: ${decode(text).type}`, undefined, key);
    if (consent !== "granted") setStatus([key], "waiting", `consent is ${consent}`);
    else if (rejections.has(key)) setStatus([key], "dropped", rejections.get(key));
    else setStatus([key], "unchanged");
  };
  tapped.onResponse = (number, response, body) => {
    const ids = requests.get(number) || [];
    const { accepted, rejected = [] } = parseJson(body);
    if (accepted === undefined) {
      setStatus(ids, "kept", response ? `answered ${response.status}` : "no answer");
      failedIds = ids;
    } else {
      setStatus(ids, "stored");
      for (const { id, code } of rejected) setStatus([id], "dropped", code);
    }
    core.onResponse(number, response, body);
    failedIds = undefined;
  };
  return tapped;
};
