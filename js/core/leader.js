// Leader election between the tabs of a shop: the leader sends the events of all tabs, the others pass theirs to it. The leader holds a Web
// Lock or, in browsers without locks, a lease in local storage. The core decides what leadership means. An idle tab does nothing.

import { tryCall } from "../safe.js";

/** The name of the lock and of the broadcast channel. */
const NAME = "tillroll";

/** The local storage key of the lease, `<tab id> <expiry>`. */
const LEASE_KEY = "tillroll-owner";
const LEASE_MS = 15e3;

/**
 * Returns `{ join, leave, send, share }`. `join()` enters the election: from then on the core gets `setLeader(isLeader)` and the
 * messages of other tabs. `leave()` ends that. `send(name, ...args)` calls a function of the core in all other tabs. `share(key, text)`
 * passes a persisted event to the leader, unless this tab is the leader. A page leaves on `pagehide`, so that the browser may put it into the
 * back/forward cache, and joins again on `pageshow`.
 */
export const createElection = (core) => {
  const id = String(Math.random());
  let isLeader = true;
  let renewLease = () => {};
  let isMember;
  let channel;
  let lockAbort;

  const setLeader = (is) => is === isLeader || core.onLeader((isLeader = is));
  const send = (...message) => tryCall(() => channel && channel.postMessage(message));

  const claimLease = () => {
    const [holder, expiry] = (localStorage.getItem(LEASE_KEY) || "").split(" ");
    const now = Date.now();
    const isFree = holder === id || !(expiry > now && expiry <= now + LEASE_MS);
    if (isFree) localStorage.setItem(LEASE_KEY, id + " " + (now + LEASE_MS));
    setLeader(isFree);
  };
  const useLease = () => tryCall((renewLease = claimLease));

  /** Requests the lock; returns false, or throws, if the lease has to be used instead. */
  const requestLock = () => {
    // Firefox 140 does not put a page into its back/forward cache that holds or waits for a lock on `pagehide`.
    if ("mozInnerScreenX" in window) return false;
    const { locks } = navigator;
    const { signal } = (lockAbort = new AbortController());
    const untilAborted = new Promise((resolve) => signal.addEventListener("abort", resolve));
    const onGranted = () => (setLeader(true), untilAborted);
    const waitForLock = () => (setLeader(false), void locks.request(NAME, { signal }, onGranted).catch(() => {}));
    locks.request(NAME, { ifAvailable: true }, (lock) => (lock ? onGranted() : waitForLock())).catch(useLease);
    return true;
  };

  const join = () => {
    isMember = true;
    if (channel) return;
    // A tab that cannot reach the others stays its own leader and sends its events itself.
    channel = tryCall(() => new BroadcastChannel(NAME));
    if (!channel) return;
    channel.onmessage = ({ data }) => {
      tryCall(renewLease);
      tryCall(() => core[data[0]](...data.slice(1)));
    };
    if (!tryCall(requestLock)) useLease();
  };

  const suspend = () => {
    if (!channel) return;
    channel.close();
    channel = undefined;
    tryCall(() => lockAbort.abort());
    if (isLeader && renewLease === claimLease) tryCall(() => localStorage.removeItem(LEASE_KEY));
    setLeader(false);
  };

  addEventListener("pagehide", suspend, true);
  addEventListener("pageshow", (event) => event.persisted && isMember && join(), true);
  return {
    join,
    leave: () => {
      isMember = false;
      suspend();
    },
    send,
    share: (key, text) => {
      tryCall(renewLease);
      if (!isLeader) send("call", key, text);
    },
  };
};
