// Attaches the debug panel: it taps the calls between the core and the host, and shows each event and its status. Neither side depends on
// it, and it changes no argument and no result.

import { decodeFlat } from "../calls/flat-decode.js";
import { asObject, tryCall } from "../safe.js";
import { SESSION_COOKIE, VISITOR_COOKIE } from "../storage/cookies.js";
import { applyRequest } from "./flag.js";
import { eventLabel, sessionLabel, visitorLabel } from "./labels.js";
import { openPanel } from "./panel.js";

/* global __SESSION_TIMEOUT_MS__, ACTIONS, INPUTS */

/** Returns the fields of an encoded call. */
const decode = (text) => asObject(tryCall(decodeFlat, text));

const parseJson = (json) => tryCall(JSON.parse, json) || {};

/** Where in a call's seed the digits of its event's id start, and those of a `land` event before it; see protocol/src/id.rs. */
const CALL_SEED_START = 0;
const LAND_SEED_START = 21;

/** Returns the id that the collector derives for an event, a UUID of version 7. */
const eventId = ({ time, seed }, seedStart) => {
  const hex = time.toString(16).padStart(12, "0");
  const digits = seed.slice(seedStart).padEnd(20, "0");
  const variant = (8 | (parseInt(digits[4], 16) & 3)).toString(16);
  return [hex.slice(0, 8), hex.slice(8), "7" + digits.slice(1, 4), variant + digits.slice(5, 8), digits.slice(8, 20)].join("-");
};

/** Returns the events of an entry: `{ id, api, type, params }`, see protocol/src/calls_request.rs. */
const eventsOf = (entry) => {
  if (!Array.isArray(entry)) return [parseJson(entry)].filter(({ id }) => id);
  const [call, { land, visitor, changes }] = entry;
  const { url, referrer, api, type } = call;
  const params = { ...asObject(call.params), ...(changes && { changes }) };
  const landing = { id: eventId(call, LAND_SEED_START), api: "tillroll", type: "land", params: { current_url: url, source_url: referrer } };
  return [...(land ? [landing] : []), ...(visitor ? [{ id: eventId(call, CALL_SEED_START), api, type, params }] : [])];
};

/** Returns the ids of the events in the entries of a request. */
const batchIds = (entries) => (tryCall(decodeFlat, `[${entries}]`) || []).flatMap(eventsOf).map(({ id }) => id);

/** Returns the key of a call with its decisions. */
const decidedKey = (key) => key.replace(/c$/, "");

/** Calls `observers[name]` before each call of `functions[name]`, with the same arguments; its exceptions are ignored. */
const tap = (functions, observers) => {
  for (const name of Object.keys(observers)) {
    const original = functions[name];
    functions[name] = (...args) => {
      tryCall(observers[name], ...args);
      return original(...args);
    };
  }
  return functions;
};

/** Opens the panel, unless the URL disables it, and returns the core, with taps on it and, once it is open, on its host. */
export const attach = (core) => {
  if (!applyRequest()) return core;
  const { addLine, setStatus } = openPanel();
  /** The events of the request in flight. */
  let requestIds = [];
  // No `Map`: the page may have one of its own.
  const eventIds = { __proto__: null };
  const rejections = { __proto__: null };
  let visitor;
  let session;
  let consent;
  /** The events of the request that just failed: the next report is about them. */
  let failedIds;
  /** The key of the call that the core processes: an error report is about that call. */
  let currentKey;
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
  const idsOf = (keys) => keys.split(",").flatMap((key) => eventIds[key] || []);

  const hostObservers = {
    [ACTIONS.Persist]: (key, text) => {
      const entry = tryCall(decodeFlat, text) || [];
      const { land, visitor: name, session: id } = asObject(entry[1]);
      if (!visitor) onVisitor(land || name, true);
      onSession(id, true);
      const events = eventsOf(entry);
      eventIds[key] = events.map(({ id }) => id);
      for (const event of events) {
        addLine(eventLabel(event), event.params, event.id);
        setStatus([event.id], "kept");
      }
    },
    [ACTIONS.Delete]: (keys) => {
      if (dropReason) setStatus(idsOf(keys), "dropped", dropReason);
      dropReason = undefined;
    },
    [ACTIONS.Save]: (name, value) => {
      if (name === VISITOR_COOKIE) onVisitor(value, true);
      if (name === SESSION_COOKIE) onSession(new URLSearchParams(value).get("sid"), true);
    },
    [ACTIONS.Send]: (entries) => {
      requestIds = batchIds(entries);
      setStatus(requestIds, "sent");
    },
    [ACTIONS.Beacon]: (entries) => setStatus(batchIds(entries), "sent", "by beacon on page close"),
    [ACTIONS.Report]: ({ name, reason, field }) => {
      if (name === "error") rejections[currentKey] = reason + (field ? `, ${field}` : "");
      if (name !== "dropped") return;
      if (failedIds) setStatus(failedIds, "dropped", reason);
      else dropReason = reason;
    },
  };

  /** What a call resulted in, which the core has just handled. */
  const showCall = (key, text) => {
    // An entry of another tab, or a call that became an event.
    if (text[1] !== ":" || (eventIds[key] || []).length) return;
    const { type } = decode(text);
    // The new visitor has a line of its own.
    if (type === "reset" && consent === "granted") return;
    addLine(`No event: ${type}`, undefined, key);
    if (consent !== "granted") setStatus([key], "waiting", `consent is ${consent}`);
    else if (rejections[key]) setStatus([key], "dropped", rejections[key]);
    else setStatus([key], "unchanged");
  };

  const inputObservers = {
    [INPUTS.StateChanged]: (saved, query) => {
      // Only the state that the page has found: later changes are shown as they are made.
      if (consent !== undefined) return;
      onVisitor(saved);
      const stored = new URLSearchParams(query);
      if (Date.now() - stored.get("t") < __SESSION_TIMEOUT_MS__) onSession(stored.get("sid"));
    },
    [INPUTS.Start]: (state) => {
      consent = state;
    },
    [INPUTS.Consent]: (state) => {
      consent = state;
    },
    [INPUTS.DeletedElsewhere]: (keys) => setStatus(idsOf(keys), "stored", "by another tab"),
    [INPUTS.Call]: (key) => {
      currentKey = decidedKey(key);
    },
  };

  const { open, input, respond } = core;
  core.open = (page) => tap(open(page), hostObservers);
  core.input = (kind, ...texts) => {
    tryCall(inputObservers[kind], ...texts);
    input(kind, ...texts);
    if (kind !== INPUTS.Call) return;
    tryCall(showCall, currentKey, texts[1]);
    currentKey = undefined;
  };
  core.respond = (response, retryAfter, body) => {
    const ids = requestIds;
    const { accepted, rejected = [] } = parseJson(body);
    if (accepted === undefined) {
      setStatus(ids, "kept", response ? `answered ${response.status}` : "no answer");
      failedIds = ids;
    } else {
      setStatus(ids, "stored");
      for (const { id, code } of rejected) setStatus([id], "dropped", code);
    }
    respond(response, retryAfter, body);
    failedIds = undefined;
  };
  return core;
};
