// What the library did on this page, and what became of it: this listens between the core and what the core is lent, so that neither needs
// to know of it. It changes nothing that passes.

import { PAUSE } from "../edge.js";
import { ofEvent, ofSession, ofVisitor } from "../facades/messages.js";
import { hash, quietly } from "../quiet.js";
import { read } from "../read.js";
import { openWindow } from "./window.js";

/** Returns the members of a recorded call, or of what the core starts with. */
const members = (text) => hash(quietly(read, text));

const parsed = (json) => quietly(JSON.parse, json) || {};

/** Returns the ids of the events in the body of a request. */
const ids = (body) => (parsed(body).events || []).map(({ id }) => id);

/** Calls `hear` with the arguments of every call of `functions[name]`, before it; what it throws is nobody's concern. */
const overhear = (functions, hear) => {
  for (const name of Object.keys(hear)) {
    const pass = functions[name];
    functions[name] = (...args) => {
      quietly(hear[name], ...args);
      return pass(...args);
    };
  }
};

/** Returns the core; from then on a window says what it does. */
export const watch = (core) => {
  const { line, mark } = openWindow();
  const flights = new Map();
  const events = new Map();
  const refused = new Map();
  let visitor;
  let session;
  let consent;
  /** What the next report is about: the request that was just answered, or the call that was just given up. */
  let landed;
  let given;
  /** Why the events to be forgotten next are. */
  let full;

  const meet = (name, isNew) => {
    if (!name || name === visitor) return;
    visitor = name;
    if (isNew || name.includes("@")) line(ofVisitor(name));
  };
  const enter = (id, isNew) => {
    if (!id || id === session) return;
    session = id;
    line(ofSession(id, isNew));
  };
  const known = (keys) => keys.split(",").map((key) => events.get(key));

  const toPage = {
    keep: (key, text) => {
      const event = parsed(text);
      if (!visitor) meet(event.visitorId, true);
      enter(event.sessionId, true);
      events.set(key, event.id);
      line(ofEvent(event), event.params, event.id);
      mark([event.id], "kept");
    },
    forget: (keys) => {
      given = keys;
      if (full) mark(known(keys), "dropped", full);
      full = undefined;
    },
    remember: (name, text) => {
      if (name === "visitor") meet(text, true);
      if (name === "session") enter(new URLSearchParams(text).get("sid"), true);
    },
    post: (number, body) => {
      flights.set(number, ids(body));
      mark(ids(body), "sent");
    },
    beacon: (body) => mark(ids(body), "sent", "while the page is left"),
    report: ([name, , reason, field]) => {
      if (name === "error") refused.set(given, reason + (field ? `, ${field}` : ""));
      if (name !== "dropped") return;
      if (landed) mark(landed, "dropped", reason);
      else full = reason;
    },
  };

  const toCore = {
    start: (host, options) => {
      const remembered = members(options);
      ({ consent } = remembered);
      meet(remembered.visitor);
      const visit = new URLSearchParams(remembered.session);
      if (Date.now() - visit.get("t") < PAUSE) enter(visit.get("sid"));
      overhear(host, toPage);
    },
    consent: (word) => {
      consent = word;
    },
    forgotten: (keys) => mark(known(keys), "stored", "by another tab"),
  };

  const heard = { ...core };
  overhear(heard, toCore);
  heard.call = (key, recorded) => {
    core.call(key, recorded);
    // Another tab's event, or a call of which an event came.
    if (recorded[1] !== ":" || events.has(key)) return;
    line(`No event: ${members(recorded).type}`, undefined, key);
    if (consent !== "granted") mark([key], "waiting", `consent is ${consent}`);
    else if (refused.has(key)) mark([key], "dropped", refused.get(key));
    else mark([key], "unchanged");
  };
  heard.answered = (number, response, body) => {
    const flight = flights.get(number) || [];
    const { accepted, rejected = [] } = parsed(body);
    if (accepted === undefined) {
      mark(flight, "kept", response ? `answered ${response.status}` : "no answer");
      landed = flight;
    } else {
      mark(flight, "stored");
      for (const { id, code } of rejected) mark([id], "dropped", code);
    }
    core.answered(number, response, body);
    landed = undefined;
  };
  return heard;
};
