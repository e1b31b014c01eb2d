// The other tabs of this shop. One tab owns the queue and sends for all: the one that holds a lock of the browser's, or, where pages get no
// locks, the one whose name stands in local storage. The others tell it what they have kept. What that means the core decides; nothing
// happens here while nothing happens in a tab.

import { quietly } from "./quiet.js";

const NAME = "tillroll";

/** Where there are no locks: under what the owner's name stands, and for how long, in milliseconds. */
const LEASE = "tillroll-owner";
const TERM = 15e3;

/**
 * Returns the line to the other tabs. `enter()` takes part: from then on the core hears whether it is the `owner`, and what the other tabs
 * `say`, a function of the core's with its arguments; `quit()` ends that. `kept(key, text)` says what this tab has kept, unless it sends it
 * itself. A page that is left lets go of everything, so that it may wait in the browser's cache, and takes part again when it is back.
 */
export const openTabs = (core) => {
  const id = String(Math.random());
  let owns = true;
  let claim = () => {};
  let wanted;
  let channel;
  let leaving;

  const own = (is) => is === owns || core.owner((owns = is));
  const say = (...words) => quietly(() => channel && channel.postMessage(words));

  const lease = () => {
    const [who, until] = (localStorage.getItem(LEASE) || "").split(" ");
    const now = Date.now();
    const free = who === id || !(until > now && until <= now + TERM);
    if (free) localStorage.setItem(LEASE, id + " " + (now + TERM));
    own(free);
  };
  const fall = () => quietly((claim = lease));

  const lock = () => {
    // Firefox 140 takes no page into its cache that has a lock, or waits for one, when it is left.
    if ("mozInnerScreenX" in window) return false;
    const { locks } = navigator;
    const { signal } = (leaving = new AbortController());
    const held = new Promise((release) => signal.addEventListener("abort", release));
    const got = () => (own(true), held);
    const queue = () => (own(false), void locks.request(NAME, { signal }, got).catch(() => {}));
    locks.request(NAME, { ifAvailable: true }, (lock) => (lock ? got() : queue())).catch(fall);
    return true;
  };

  const enter = () => {
    wanted = true;
    if (channel) return;
    // Who cannot speak to others must not wait for them.
    channel = quietly(() => new BroadcastChannel(NAME));
    if (!channel) return;
    channel.onmessage = ({ data }) => {
      quietly(claim);
      quietly(() => core[data[0]](...data.slice(1)));
    };
    if (!quietly(lock)) fall();
  };

  const leave = () => {
    if (!channel) return;
    channel.close();
    channel = undefined;
    quietly(() => leaving.abort());
    if (owns && claim === lease) quietly(() => localStorage.removeItem(LEASE));
    own(false);
  };

  addEventListener("pagehide", leave, true);
  addEventListener("pageshow", (event) => event.persisted && wanted && enter(), true);
  return {
    enter,
    quit: () => {
      wanted = false;
      leave();
    },
    say,
    kept: (key, text) => {
      quietly(claim);
      if (!owns) say("call", key, text);
    },
  };
};
