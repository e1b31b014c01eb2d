// Leader election between the tabs of a shop: the leader sends the calls of all tabs, the others pass theirs to it. The leader holds a Web
// Lock or, in browsers without locks, a lease in local storage. The core decides what leadership means. An idle tab does nothing.

import { listen, now } from "../page.js";
import { tryCall, useLocal } from "../safe.js";

/* global INPUTS */

const LEASE_MS = 15e3;

/** The inputs that other tabs may pass to the core, with texts only: any script of the origin can send on the channel. */
const MESSAGES = [INPUTS.Call, INPUTS.DeletedElsewhere, INPUTS.StateChanged];

/**
 * Returns `{ join, leave, send, renew }`. `join()` enters the election: from then on the core learns whether this tab is the leader, and gets
 * the messages of other tabs, which `enqueue` holds back while the call queue is paused. `leave()` ends that. `send(kind, ...texts)` passes
 * an input to the core in all other tabs. `renew()` shows that this tab is active. A page leaves on `pagehide`, so that the browser may put it
 * into the back/forward cache, and joins again on `pageshow`. `name` is that of the lock and of the broadcast channel.
 */
export const createElection = (core, enqueue, name) => {
  /** The local storage key of the lease, `<tab id> <expiry>`. */
  const leaseKey = name + ".owner";
  const id = String(Math.random());
  let isLeader = true;
  let renewLease = () => {};
  let isMember;
  let channel;
  let lockAbort;

  const setLeader = (is) => {
    const isChanged = is !== isLeader;
    isLeader = is;
    if (isChanged) core.input(INPUTS.Leader, is ? "1" : "");
  };
  const send = (...message) => tryCall(() => channel && channel.postMessage(message));

  const claimLease = () => {
    const [holder, expiry] = (useLocal("getItem", leaseKey) || "").split(" ");
    const time = now();
    const isFree = holder === id || !(expiry > time && expiry <= time + LEASE_MS);
    if (isFree) useLocal("setItem", leaseKey, id + " " + (time + LEASE_MS));
    setLeader(isFree);
  };
  const useLease = () => (renewLease = claimLease)();

  /** Requests the lock; returns false, or throws, if the lease has to be used instead. */
  const requestLock = () => {
    // Firefox 140 does not put a page into its back/forward cache that holds or waits for a lock on `pagehide`.
    if ("mozInnerScreenX" in window) return false;
    const { locks } = window.navigator;
    const { signal } = (lockAbort = new window.AbortController());
    const untilAborted = new Promise((resolve) => signal.addEventListener("abort", resolve));
    const onGranted = () => (setLeader(true), untilAborted);
    const waitForLock = () => (setLeader(false), void locks.request(name, { signal }, onGranted).catch(() => {}));
    locks.request(name, { ifAvailable: true }, (lock) => (lock ? onGranted() : waitForLock())).catch(useLease);
    return true;
  };

  const join = () => {
    isMember = true;
    if (channel) return;
    // A tab that cannot reach the others stays its own leader and sends its events itself.
    channel = tryCall(() => new window.BroadcastChannel(name));
    if (!channel) return;
    channel.onmessage = ({ data }) => {
      renewLease();
      enqueue(() => {
        const [kind, ...texts] = data;
        if (MESSAGES.includes(kind) && texts.every((text) => typeof text === "string")) core.input(kind, ...texts);
      });
    };
    if (!tryCall(requestLock)) useLease();
  };

  const suspend = () => {
    if (!channel) return;
    channel.close();
    channel = undefined;
    tryCall(() => lockAbort.abort());
    if (isLeader && renewLease === claimLease) useLocal("removeItem", leaseKey);
    setLeader(false);
  };

  listen("pagehide", suspend);
  listen("pageshow", (event) => event.persisted && isMember && join());
  return {
    join,
    leave: () => {
      isMember = false;
      suspend();
    },
    send,
    renew: () => renewLease(),
  };
};
