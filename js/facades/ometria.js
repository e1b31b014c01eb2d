// The facade `window.ometria`: the functions of Ometria's tag. They work before the core has loaded. Calls before `init` wait for it, with
// their own time, because the page view comes first. The core detects changes and duplicates.

import { listen, now } from "../page.js";
import { asArray, asObject, tryCall } from "../safe.js";
import { methodsFromTable } from "./method-table.js";

/** How long calls wait for the first `init`; they are released earlier when the page closes. */
const INIT_WAIT_MS = 3000;

/** Undocumented methods of some builds of the tag have no event type: present, without effect. */
const METHODS =
  "trackAddToBasket basket_add product_id quantity," +
  "trackTransaction order order_id," +
  "trackCheckout checkout stage," +
  "viewProduct product_view product_id," +
  "track custom name data," +
  "event custom name data," +
  "viewProducts," +
  "setProfileData," +
  "setPageType," +
  "setPageData," +
  "observeEmailInputs," +
  "isNewVisitor";

/** Matches what shop servers print for an anonymous visitor, and template placeholders that were not filled in. */
const PLACEHOLDER_ID = /^(0|null|undefined|false)?$|[{<]/;

const toText = (value) => (/^(st|nu)/.test(typeof value) ? value + "" : "");

/** The basket that pages fill, by methods or by assigning its fields. */
function Basket(source) {
  const { size, calls = [], ...fields } = asObject(source);
  this.items = [];
  Object.assign(this, fields);
  // A basket of the inline snippet recorded the calls that were made on it.
  tryCall(() => calls.forEach(([name, ...args]) => this[name](...args)));
}

Basket.prototype = {
  setTotal(total, currency) {
    this.total = total;
    this.currency = currency;
  },
  setId(id) {
    this.basket_id = id;
  },
  setURL(url) {
    this.URL = url;
  },
  setUrl(url) {
    this.URL = url;
  },
  addLineItem(product_id, quantity, price, variant_id) {
    this.items = [...asArray(this.items), { product_id, quantity, price, variant_id }];
  },
  get size() {
    let sum = 0;
    for (const item of asArray(this.items)) {
      const quantity = parseFloat(toText(asObject(item).quantity).replace(",", "."));
      // As in the event: a quantity that is no number is 1, and a line of zero or less is no line.
      sum += quantity <= 0 ? 0 : quantity || 1;
    }
    return sum;
  },
};

/**
 * Installs all methods on `target`. If it has an `init` already, the vendor's own tag is active, and nothing is changed. Each method calls
 * `track(type, params, extra)`; `getVisitor()` returns the visitor's id or e-mail address.
 */
export const installOmetria = (target, track, getVisitor) => {
  if (typeof target.init === "function") return;
  const stubIdentify = target.identify;
  let store;
  const waiting = [];
  let isReleased;

  const release = () => {
    isReleased = true;
    waiting.splice(0).forEach((call) => track(...call));
  };
  const trackAfterInit = (type, params) => {
    const call = [type, params, { store, time: now(), url: location.href }];
    if (isReleased) track(...call);
    else if (waiting.push(call) < 2) setTimeout(release, INIT_WAIT_MS);
  };
  const methods = {
    ...methodsFromTable(METHODS, trackAfterInit),
    init: (...args) => {
      // Magento's pages leave the page data in `raw_data`; the products of a listing would make the event too large.
      const raw = asObject(target.raw_data);
      const [type, data, storeId] = args.length ? args : [raw.type, raw.data || (target.raw_data && { ...raw, product_map: undefined }), raw.store];
      const { pid, id } = type === "product" ? asObject(data) : {};
      const product_id = toText(pid || id) || undefined;
      store = toText(storeId) || store;
      track(product_id ? "product_view" : "page_view", { product_id, page_type: type, data }, { store });
      release();
    },
    identify: (id, ...more) => {
      const text = toText(id);
      if (!PLACEHOLDER_ID.test(text)) trackAfterInit("identify", { [text.includes("@") ? "email" : "profile_id"]: text });
      stubIdentify.call(target, id, ...more);
    },
    setBasket: (source) => {
      target.basket = source instanceof Basket ? source : new Basket(source);
      const { items, URL, ...fields } = target.basket;
      trackAfterInit("basket_update", { ...fields, url: URL, lines: items });
    },
  };
  for (const name in methods) target[name] = (...args) => void tryCall(methods[name], ...args);
  target.Basket = Basket;
  target.basket = new Basket(target.basket);
  target.getIdentity = getVisitor;
  if (asObject(target.raw_data).type) target.init();
  if (target.onLoad) tryCall(() => target.onLoad());
  // Registered here, so that it runs before the listeners of the core, which loads later. A server that renders pages has no such events.
  tryCall(listen, "pagehide", release);
};
