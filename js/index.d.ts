/** How the tracker is started. */
export interface Options {
  /** The project's public token. */
  token: string;
  /** The collector's address, such as `https://collector.example.com/`. */
  collector: string;
  /** The domain of the visitor's cookie; the widest that the browser accepts unless given. */
  cookieDomain?: string;
  /** `pending` holds everything in memory until `consent("granted")`. */
  consent?: Consent;
  /** `ignore` overrides the browser's Global Privacy Control, which is taken for a no otherwise. */
  gpc?: "ignore";
  /** An anonymous id that the shop's server made, for a visitor who has none. */
  visitor?: string;
  /** Where the core's WebAssembly is, if your bundler moves it away from its module. */
  wasm?: string | URL;
}

/** The visitor's word on being tracked. */
export type Consent = "granted" | "denied" | "pending";

/** What became of events, or of a call. */
export interface Report {
  name: "sent" | "dropped" | "error";
  /** How many events. */
  count: number;
  /** Why: `full`, `refused`, `unacceptable`, `meaningless`, `unknown_type`, `too_large`, `unreadable`; empty for `sent`. */
  reason: string;
  /** The parameter that an ignored call lacked. */
  field: string;
  /** What the collector answered, for `sent`. */
  answer: string;
}

/** An id as shops write it. */
export type Id = string | number;

/** The functions of Metrilo's library. None throws, whatever it is given. */
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
  /** Tells who the visitor is when the form is submitted. Values are `name` attributes. */
  integrateForm(options: {
    formSelector: string;
    email: string;
    firstName?: string;
    lastName?: string;
    phoneNumber?: string;
    subscribed?: string | boolean;
    tags?: string[];
    customEvent?: string;
  }): void;
}

/** One line of a basket. */
export interface BasketItem {
  product_id: Id;
  quantity: number | string;
  price: number | string;
  variant_id?: Id | null;
}

/** A basket as it is handed over; a plain object of this shape will do. Totals are never computed again. */
export interface BasketFields {
  basket_id?: string;
  total?: number | string;
  currency?: string;
  items?: BasketItem[];
  URL?: string;
}

/** A basket to fill. */
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

/** The functions of Ometria's tag. None throws, whatever it is given. Calls wait up to three seconds for the first `init`. */
export interface Ometria {
  /** A view of a page; of a product where `pageType` is `product` and `pageData` has a `pid`. `storeId` holds until another is given. */
  init(pageType?: string | null, pageData?: object | null, storeId?: string): void;
  /** Who the visitor is: an e-mail, or the id of a profile. */
  identify(id: Id): void;
  Basket: new (fields?: BasketFields) => Basket;
  /** The last basket that was handed over; never null. */
  readonly basket: Basket;
  /** Tells what is in the basket, if that is not what was told last; null empties it. */
  setBasket(basket: BasketFields | null): void;
  trackAddToBasket(productId: Id, quantity?: number | string): void;
  /** An order, told once however often the page is shown. */
  trackTransaction(orderId: Id): void;
  trackCheckout(stage?: string | number): void;
  /** Returns the visitor's e-mail, or the anonymous id; an empty text before there is one. */
  getIdentity(): string;
}

/** A started tracker. */
export interface Tillroll {
  readonly version: string;
  /** Fulfilled when the core is there; calls need not wait for it. */
  readonly ready: Promise<void>;
  /** Fulfilled when everything is acknowledged, or kept for later. */
  flush(): Promise<void>;
  consent(word: Consent): void;
  /** A new anonymous visitor, as after a logout. */
  reset(): void;
  on(name: Report["name"], callback: (report: Report) => void): void;
  readonly metrilo: Metrilo;
  readonly ometria: Ometria;
}

/** Starts the tracker; further calls return the same. Under Node everything exists and does nothing. */
export function start(options: Options): Tillroll;
