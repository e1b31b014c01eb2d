// The types of `tillroll/loader`.

import type { Options, Tillroll } from "./index.js";

export type { Basket, BasketFields, BasketItem, Consent, Id, Metrilo, Ometria, Options, Report, Tillroll } from "./index.js";

/** The options of `start`. */
export interface LoaderOptions extends Options {
  /** The URL of `core.wasm`, relative to the page. `fallback.js`, `debug.js`, `views.js` and `replay.js` are beside it. */
  wasm: string | URL;
}

/** Starts the tracker, as `start` of `tillroll`. Without a usable `wasm` nothing starts either: `on("error")` gets the reason `no_wasm`. */
export function start(options: LoaderOptions): Tillroll;
