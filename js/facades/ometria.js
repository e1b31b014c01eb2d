// `window.ometria`: the words of Ometria's tag, spoken to our core. Everything works at once, before the core is there; calls made before
// `init` wait for it, with their own times, because the page view goes first. What changed and what was said before the core decides.

import { hash, quietly } from "../quiet.js";
import { words } from "./words.js";

/** How long calls wait for an `init` that never comes, in milliseconds; a page that is left sets them free too. */
const PATIENCE = 3000;

const WORDS = `
  trackAddToBasket basket_add product_id quantity
  trackTransaction order order_id
  trackCheckout checkout stage
  viewProduct product_view product_id
  track custom name data
  event custom name data`;

/** What other builds of the tag have, and nobody documented. */
const SILENT = ["viewProducts", "setProfileData", "setPageType", "setPageData", "observeEmailInputs", "isNewVisitor"];

/** What servers print for somebody whom they do not know, and templates that nobody filled in. */
const NOBODY = /^(0|null|undefined|false)?$|[{<]/;

const text = (value) => (/^(st|nu)/.test(typeof value) ? value + "" : "");

/** Servers print a list with gaps as an object, and none as null. Of a list the Prototype library gives its own methods as values, too. */
export const list = (items) => (Array.isArray(items) ? items : Object.values(hash(items)));

/** Returns a method that sets fields. */
const setter = (...names) =>
  function (...values) {
    names.forEach((name, at) => (this[name] = values[at]));
  };

/** A basket as pages build it; its fields may be assigned as well. */
function Basket(given) {
  const { size, calls, ...fields } = hash(given);
  Object.assign(this, { items: [] }, fields);
  // The inline snippet's baskets know what was done with them.
  quietly(() => calls.forEach(([name, ...values]) => this[name](...values)));
}

Basket.prototype = {
  setTotal: setter("total", "currency"),
  setId: setter("basket_id"),
  setUrl: setter("URL"),
  setURL: setter("URL"),
  addLineItem(product_id, quantity, price, variant_id) {
    this.items = [...list(this.items), { product_id, quantity, price, variant_id }];
  },
  get size() {
    let sum = 0;
    for (const item of list(this.items)) sum += hash(item).quantity > 0 ? +item.quantity : 1;
    return sum;
  },
};

/**
 * Gives `target` every method of Ometria's object; an `init` that is there already means that the vendor's own tag is at work, and then
 * nothing is touched. `say(type, params, extra)` takes what calls mean; `who()` returns the visitor's id or e-mail.
 */
export const ometria = (target, say, who) => {
  if (typeof target.init === "function") return;
  const stub = target.identify;
  let store;
  let held = [];

  const release = () => {
    const calls = held;
    held = 0;
    if (calls) calls.forEach((call) => say(...call));
  };
  const tell = (type, params) => {
    const call = [type, params, { store, time: Date.now(), url: location.href }];
    if (!held) return say(...call);
    if (held.push(call) < 2) setTimeout(release, PATIENCE);
  };
  const methods = {
    ...words(WORDS, tell),
    init: (...args) => {
      // What Magento's pages leave for it.
      const raw = hash(target.raw_data);
      const [type, data, of] = args.length ? args : [raw.type, raw.data || target.raw_data, raw.store];
      const { pid, id } = hash(data);
      const product_id = type === "product" && text(pid || id);
      store = text(of) || store;
      say(product_id ? "product_view" : "page_view", { ...(product_id && { product_id }), page_type: type, data }, { store });
      release();
    },
    identify: (id, ...more) => {
      const name = text(id);
      if (!NOBODY.test(name)) tell("identify", { [name.includes("@") ? "email" : "profile_id"]: name });
      stub.call(target, id, ...more);
    },
    setBasket: (given) => {
      target.basket = given instanceof Basket ? given : new Basket(given);
      const { items, URL, ...fields } = target.basket;
      tell("basket_update", { ...fields, url: URL, lines: items });
    },
  };
  for (const name of SILENT) target[name] = () => {};
  for (const name in methods) target[name] = (...args) => void quietly(methods[name], ...args);
  target.Basket = Basket;
  target.basket = new Basket(target.basket);
  target.getIdentity = who;
  if (hash(target.raw_data).type) target.init();
  quietly(() => target.onLoad());
  // At once, so that it comes before the core hears that the page is left; a server that renders pages has no such events.
  quietly(() => addEventListener("pagehide", release, true));
};
