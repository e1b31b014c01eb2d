// `tillroll/vue`: a plugin that starts the tracker and sends a page view for each navigation of the router, and an injection function. It
// adds no dependency; Vue is the application's own.

import { inject } from "vue";

import { start } from "./index.js";

const TRACKER = Symbol("tillroll");

/** Returns the plugin; see vue.d.ts. */
export const createTillroll = (options, router) => {
  const tracker = start(options);
  router?.afterEach((to, from, failure) => {
    // The first navigation has no route before it. A change of the fragment alone is no new page.
    const isSamePage = from.matched.length > 0 && withoutHash(to.fullPath) === withoutHash(from.fullPath);
    if (failure || isSamePage || typeof location === "undefined") return;
    tracker.metrilo.viewPage(new URL(router.resolve(to.fullPath).href, location.href).href);
  });
  return { install: (app) => app.provide(TRACKER, tracker), tracker };
};

const withoutHash = (path) => path.split("#")[0];

/** Returns the tracker; see vue.d.ts. */
export const useTillroll = () => {
  const tracker = inject(TRACKER, undefined);
  if (!tracker) throw new Error("tillroll: useTillroll() needs app.use(createTillroll(options))");
  return tracker;
};
