// The types of `tillroll/vue`.

import type { App } from "vue";

import type { Options, Tillroll } from "./index.js";

/** The functions of Vue Router that the plugin uses. */
export interface Router {
  afterEach(guard: (to: any, from: any, failure?: any) => void): unknown;
  resolve(to: string): { href: string };
}

/**
 * Starts the tracker, and returns a plugin for `app.use`. With a router it sends a page view for each navigation that succeeds. Under server
 * rendering all functions exist and do nothing.
 */
export function createTillroll(options: Options, router?: Router): { install(app: App): void; readonly tracker: Tillroll };

/** Returns the tracker inside of a component. Throws an error if the plugin is not installed. */
export function useTillroll(): Tillroll;
