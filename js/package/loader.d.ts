// The types of `tillroll/loader`.

import type { Options, Tillroll } from "./index.js";

export type { Basket, BasketFields, BasketItem, Consent, Id, Metrilo, Ometria, Options, Report, Tillroll } from "./index.js";

/** The options of `start`. */
export interface LoaderOptions extends Options {
  /** The URL of `core.wasm`, relative to the page. `fallback.js`, `debug.js`, `views.js` and `replay.js` are beside it. */
  wasm: string | URL;
}

/** Starts the tracker; further calls return the same object. Under Node all functions exist and do nothing. */
export function start(options: LoaderOptions): Tillroll;
