/** The options of `start`. */
export interface Options {
  /** The project's public token. */
  token: string;
  /** The collector's address, such as `https://collector.example.com/`, or a path of the shop, such as `/t/`. */
  collector: string;
  /** The domain of the cookies. Default: the widest domain that the browser accepts. */
  cookieDomain?: string;
  /** The initial consent. `pending` keeps all calls in memory until `consent("granted")`. Default: `granted`. */
  consent?: Consent;
  /** `ignore` disregards the browser's Global Privacy Control, which otherwise means that consent is denied for good. */
  gpc?: "ignore";
  /** An anonymous id that the shop's server generated, for a visitor without one. */
  visitor?: string;
  /** Automatic page views; `hash` if routes are in the fragment of the address. Default: none. */
  pageViews?: "auto" | "hash";
  /** The URL of the WebAssembly file, if your bundler moves it away from its module. */
  wasm?: string | URL;
}

/** The visitor's consent to tracking. */
export type Consent = "granted" | "denied" | "pending";

/** The outcome of events, or of a call. */
export interface Report {
  name: "sent" | "dropped" | "error";
  /** The number of calls; 0 if the tracker could not start. */
  count: number;
  /**
   * The reason: `full`, `refused`, `unacceptable`, `damaged`, `meaningless`, `unknown_type`, `unknown_form`, `too_large`, `unreadable`; `no_token`,
   * `no_collector`, `no_wasm` if an option of `start` is missing or has no usable value; empty for `sent`.
   */
  reason: string;
  /** The parameter that a rejected call lacked; else empty. */
  field: string;
  /** The collector's response, for `sent` and `unknown_form`; else empty. */
  answer: string;
}

/** An id of the shop. */
export type Id = string | number;

/** The functions of Metrilo's library. They accept any arguments and never throw. */
export interface Metrilo {
  identify(email: string): void;
  customerDetails(details: { firstName?: string; lastName?: string; phoneNumber?: string; subscribed?: boolean }): void;
  viewPage(url: string, params?: { name?: string }): void;
  viewArticle(id: Id, params?: { name?: string; url?: string }): void;
  viewCategory(id: Id): void;
  viewProduct(id: Id): void;
  search(query: string, url: string): void;
  addToCart(productId: Id, quantity?: number | string): void;
  removeFromCart(productId: Id, quantity?: number | string): void;
  checkout(): void;
  applyTags(tags: string[]): void;
  customEvent(name: string): void;
  /** Identifies the visitor when a form is submitted. Values are `name` attributes of its fields. */
  integrateForm(options: {
    /** A selector, which may match several forms, or a form or a container of it. */
    formSelector: string | Element;
    email: string;
    firstName?: string;
    lastName?: string;
    phoneNumber?: string;
    subscribed?: string | boolean;
    tags?: string[];
    customEvent?: string;
  }): void;
}

/** A line of a basket. */
export interface BasketItem {
  product_id: Id;
  quantity: number | string;
  price: number | string;
  variant_id?: Id | null;
}

/** The fields of a basket; a plain object with these fields is accepted too. Totals are used as given. */
export interface BasketFields {
  basket_id?: string;
  total?: number | string;
  currency?: string;
  items?: BasketItem[];
  URL?: string;
}

/** A basket that the page fills. */
export interface Basket extends BasketFields {
  items: BasketItem[];
  /** The sum of all quantities. */
  readonly size: number;
  setTotal(total: number | string, currency: string): void;
  setId(id: string): void;
  setUrl(url: string): void;
  setURL(url: string): void;
  addLineItem(productId: Id, quantity: number | string, price: number | string, variantId?: Id | null): void;
}

/** The functions of Ometria's tag. They accept any arguments and never throw. Calls wait up to three seconds for the first `init`. */
export interface Ometria {
  /** A page view; a product view if `pageType` is `product` and `pageData` has a `pid`. `storeId` stays until another is given. */
  init(pageType?: string | null, pageData?: object | null, storeId?: string): void;
  /** Identifies the visitor by e-mail address or profile id. */
  identify(id: Id): void;
  Basket: new (fields?: BasketFields) => Basket;
  /** The last basket that was set; never null. */
  readonly basket: Basket;
  /** Reports the contents of the basket, if they differ from the last report; null empties it. */
  setBasket(basket: BasketFields | null): void;
  trackAddToBasket(productId: Id, quantity?: number | string): void;
  /** Reports an order, once however often the page is shown. */
  trackTransaction(orderId: Id): void;
  trackCheckout(stage?: string | number): void;
  /** A custom event. */
  track(name: string, data?: unknown): void;
  /** The same as `track`. */
  event(name: string, data?: unknown): void;
  viewProduct(productId: Id): void;
  /** Does nothing, like the next five functions: pages for some builds of the tag call them. */
  viewProducts(...args: unknown[]): void;
  setProfileData(...args: unknown[]): void;
  setPageType(...args: unknown[]): void;
  setPageData(...args: unknown[]): void;
  observeEmailInputs(...args: unknown[]): void;
  isNewVisitor(...args: unknown[]): void;
  /** Returns the visitor's e-mail address, or the anonymous id; an empty string before there is one. */
  getIdentity(): string;
}

/** A started tracker. */
export interface Tillroll {
  readonly version: string;
  /**
   * Resolves when the core has loaded; calls need not wait for it. Rejects with an `Error` if `start` lacked an option, and if the first attempt
   * to load the core fails; the library tries again then. A page need not handle the rejection.
   */
  readonly ready: Promise<void>;
  /** Resolves when all events are acknowledged, or stored for a later page. */
  flush(): Promise<void>;
  consent(state: Consent): void;
  /** Starts a new anonymous visitor, for example after a logout. */
  reset(): void;
  on(name: Report["name"], callback: (report: Report) => void): void;
  readonly metrilo: Metrilo;
  readonly ometria: Ometria;
}

/**
 * Starts the tracker; further calls return the same object, whatever their options. Under Node all functions exist and do nothing, and each
 * call returns the same object too. If `token` or `collector` is missing, or `collector` begins neither with a scheme nor with a slash, nothing
 * starts: the call returns an object of its own, whose functions do nothing, the console has one line, `on("error")` gets the reason
 * (`no_token`, `no_collector`) and `ready` rejects. A later call with all options starts the tracker.
 */
export function start(options: Options): Tillroll;
