// What the core asks of the browser where a line of script weighs less than its binding: cookies, requests, and the line's own store. It
// decides nothing about events; it arrives with the core.

import { quietly } from "./quiet.js";
import { NOTES } from "./recall.js";
import { openSpare } from "./spare.js";
import { SPOKEN } from "./store.js";
import { openTabs } from "./tabs.js";

/** 400 days in seconds, the longest that browsers allow. */
const LONGEST = 34560000;

/** The longest time that a timer can hold, in milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** The pause that ends a visit, in milliseconds; see protocol/src/visitor_context/session.rs. */
export const PAUSE = 18e5;

/** Calls of which it counts what was said before, in any tab; see protocol/src/visitor_context/dedup.rs. */
const DEPENDS = /:type\x1f\$(basket_update|order|identify)\x1f/;

/* global __SPOKEN__ */

/** Hosts under which strangers live next door; no cookie may span them. */
const SHARED = ["myshopify.com", "github.io", "netlify.app", "vercel.app", "pages.dev", "web.app", "herokuapp.com"];

/** Returns whether a domain looks like one under which strangers live: `co.uk`, `com.au`, a single label, or a well-known host. */
const isSuffix = (domain) => !domain.includes(".") || /^[^.]{1,3}\.[^.]{2}$/.test(domain) || SHARED.includes(domain);

/**
 * Returns the domains for which a cookie of `host` may be tried, the widest first and the host alone (an empty text) last. What looks like
 * a public suffix is left out, so that no browser has to refuse it.
 */
export const domains = (host) => {
  if (/[:\]]|(^|\.)\d+$/.test(host)) return [""];
  const labels = host.split(".");
  const wider = labels.map((_, at) => labels.slice(at).join("."));
  return [...wider.reverse().filter((domain) => !isSuffix(domain)), ""];
};

/** Returns `text` as PHP and `decodeURIComponent` both read it back; the `@` of an address stays, because shops look for one. */
export const encode = (text) => encodeURIComponent(text).replace(/%(40|3D|26)/g, decodeURIComponent);

/** Remembers `text` in the cookie `name`, as widely as the browser lets us or within `domain`; an empty text forgets. `find` reads it back. */
const remember = (name, text, domain, find) => {
  const lasting = `=${encode(text)};path=/;samesite=lax;max-age=${text ? LONGEST : 0}${location.protocol === "https:" ? ";secure" : ""}`;
  const written = (domain ? [domain] : domains(location.hostname)).some((domain) => {
    quietly(() => (document.cookie = name + lasting + (domain && ";domain=" + domain)));
    return find(name) === text;
  });
  quietly(() => (written ? localStorage.removeItem(name) : localStorage.setItem(name, text)));
};

/** An address with the parameters of a campaign, or of a click on an advertisement, in a recorded call. */
const CAMPAIGN = /[?&](utm_|\w*(clk?id|braid)=)/;

/**
 * Returns whether the visitor comes to the page from outside: by following a link from another site, or one that names a campaign and hides
 * where it was. Who reloads a page, or goes back to one, was here before.
 */
const arrives = (first) => {
  const from = document.referrer.split(/[/:]+/)[1];
  const own = domains(location.hostname)[0] || location.hostname;
  const is = from ? !("." + from).endsWith("." + own) : CAMPAIGN.test(first);
  return is && performance.getEntriesByType("navigation")[0].type === "navigate";
};

let lost;

/** Remembers the notes where all tabs find them; where that is refused, this page alone does. An empty text forgets. */
const note = (text) => {
  lost = text;
  quietly(() => {
    if (text) localStorage.setItem(NOTES, text);
    else localStorage.removeItem(NOTES);
    lost = undefined;
  });
};

/** Tells the core what the page lives through. In the first phase, so that the page's own listeners hold nothing up. */
const listen = (core, refresh) => {
  addEventListener("pagehide", core.left, true);
  addEventListener("pageshow", (event) => event.persisted && (refresh(true), core.returned()), true);
  addEventListener("online", core.online, true);
  addEventListener("visibilitychange", () => document.hidden && core.hidden(), true);
};

/**
 * Lets the core know whether the visitor comes from outside, and what other tabs remembered meanwhile, before what depends on it;
 * `refresh(all)` tells it the notes, or all. A page that was silent for as long as a visit can be asks whether the visit went on elsewhere.
 * Calls that the core does not understand go to `learn(key, text)`.
 */
const inform = (core, refresh, learn) => {
  const { start, call, restore, consent } = core;
  core.start = (host, options, key, text) => start(host, options, key, quietly(arrives, text) ? text.replace("$land", "$arrival") : text);
  let last = Date.now();
  core.call = (key, text) => {
    if (!core.taught && text.includes(SPOKEN)) return learn(key, text);
    const now = Date.now();
    if (now - last >= PAUSE) refresh(true);
    else if (DEPENDS.test(text)) refresh();
    last = now;
    call(key, text);
  };
  core.restore = (kept) => {
    if (kept.length) refresh();
    restore(kept);
  };
  core.consent = (word) => {
    refresh();
    consent(word);
  };
};

/**
 * Returns what the core is lent, see src/browser/exports.rs. Of the line it has `store`, `listeners`, pairs of a name and a function, and
 * `wait()`, which holds calls back until the function that it returns is called; `find` and `recall` are those of recall.js, and `snippet` is
 * what the inline snippet left. `recall(name)` and `remember(name, text)` know `visitor`, `session` and `notes`; `post(number, body)` posts a
 * batch and gives the core the answer with the number, `abort()` gives the last one up, `beacon(body)` posts without hope of an answer;
 * `wake(after)` calls the core after so many milliseconds, and never where that is below zero.
 */
export const edge = ({ visitorCookie, sessionCookie, cookieDomain, collector, find, recall, store, listeners, wait, snippet = [] }, core) => {
  const cookies = { visitor: visitorCookie, session: sessionCookie };
  const url = collector + "v2/batch";
  let controller;
  let timer;
  const abort = () => controller?.abort();
  const known = () => [recall(visitorCookie), recall(sessionCookie)];
  const noted = () => (lost === undefined ? recall(NOTES) : lost);
  const refresh = (all) => core.recalled(...(all ? known() : ["", ""]), noted());
  /** Has the core understand what is spoken; the promise is that of a yes where that fails. */
  const teach = () => import(__SPOKEN__).then((spoken) => spoken.teach(core, store, snippet), () => true);
  // It waits, kept as it is, and those behind it.
  const learn = (key, text) => {
    const done = wait();
    teach().then((failed) => done(failed || core.call(key, text)));
  };
  inform(core, refresh, learn);
  listen(core, refresh);
  store.lend(openSpare());
  const tabs = openTabs(core);
  return {
    keep: (key, text) => {
      store.keep(key, text);
      tabs.kept(key, text);
    },
    forget: (keys) => {
      store.forget(keys.split(","));
      tabs.say("forgotten", keys);
    },
    restore: () => {
      tabs.enter();
      const done = wait();
      store.all(async (kept) => {
        // Without what understands it all of it waits for another page.
        const failed = (snippet.length || kept.join().includes(SPOKEN)) && (await teach());
        quietly(core.restore, failed ? [] : kept);
        done();
      });
    },
    wipe: () => {
      store.wipe();
      tabs.quit();
      // What was noted before a no is gone with it. It is the last, for an element of the page's may stand under the name.
      snippet.length = 0;
    },
    remember: (name, text) => {
      if (name === "notes") return note(text);
      remember(cookies[name], text, cookieDomain, find);
      tabs.say("recalled", ...known(), noted());
    },
    post: async (number, body) => {
      abort();
      try {
        controller = new AbortController();
        // It need not outlive the page, which says all of it again by a beacon when it goes. Chromium 156 lets no `keepalive` request go when
        // it is given up, and its 64 KiB for such requests and beacons stay taken for as long as the other side is silent.
        const response = await fetch(url, { method: "POST", body, signal: controller.signal });
        core.answered(number, response, await response.text().catch(() => ""));
      } catch (e) {
        core.answered(number, undefined, "");
      }
    },
    abort,
    beacon: (body) => quietly(() => navigator.sendBeacon(url, body)),
    wake: (after) => {
      clearTimeout(timer);
      if (after >= 0) timer = setTimeout(core.woken, Math.min(after, LONGEST_TIMER));
    },
    report: ([name, count, reason, field, answer]) => {
      const report = { name, count, reason, field, answer };
      listeners.slice().forEach(([wanted, listener]) => wanted === name && quietly(listener, report));
    },
  };
};
