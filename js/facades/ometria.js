// `window.ometria`: the words of Ometria's tag, spoken to our core. Everything works at once, before the core is there; calls made before
// `init` wait for it, with their own times, because the page view goes first. What changed and what was said before the core decides.

import { quietly } from "../quiet.js";
import { words } from "./words.js";

/** How long calls wait for an `init` that never comes, in milliseconds after they were made; a page that is left sets them free too. */
const PATIENCE = 3000;

/** The cookie that holds the visit, by its documented name. */
export const SESSION_COOKIE = "ometria";

const WORDS = `
  trackAddToBasket basket_add product_id quantity
  trackTransaction order order_id
  trackCheckout checkout stage
  viewProduct product_view product_id
  track custom name data
  event custom name data
  setProfileData customer_details .first_name .last_name .phone_number .subscribed`;

const hash = (value) => (value && typeof value === "object" ? value : {});

const text = (value) => (value === null || value === undefined || typeof value === "object" ? "" : String(value).trim());

const items = (basket) => {
  const found = basket.items || basket.lines;
  return Array.isArray(found) ? found : Object.values(hash(found));
};

const setter = (name) =>
  function (value) {
    this[name] = value;
  };

/** A basket as pages build it; its fields may be assigned as well. */
function Basket() {
  this.items = [];
}

Basket.prototype = {
  setTotal(total, currency) {
    this.total = total;
    this.currency = currency;
  },
  addLineItem(product_id, quantity, price, variant_id) {
    this.items.push({ product_id, quantity, price, variant_id });
  },
  setId: setter("basket_id"),
  setUrl: setter("URL"),
  setURL: setter("URL"),
  get size() {
    return items(this).reduce((sum, item) => sum + (Number(hash(item).quantity) || 1), 0);
  },
};

const contents = (given) => {
  const basket = hash(given);
  return {
    basket_id: basket.basket_id || basket.id,
    total: basket.total,
    currency: basket.currency,
    url: basket.URL || basket.url,
    lines: items(basket),
  };
};

/** What Magento's pages leave in `raw_data`: the page's type, its data and its store. */
const raw = (target) => {
  const { type, store, data, ...rest } = hash(target.raw_data);
  return [type, Object.keys(hash(data)).length ? data : rest, store];
};

/**
 * Gives `target` every method of Ometria's object; an `init` that is there already means that the vendor's own tag is at work, and then
 * nothing is touched. `say(type, params, extra)` takes what calls mean; `who()` returns the visitor's id or e-mail.
 */
export const ometria = (target, say, who) => {
  if (typeof target.init === "function") return;
  const held = [];
  const isNew = !who();
  const foreign = target.identify;
  let started;
  let type;
  let data;

  const release = () => {
    started = true;
    held.splice(0).forEach((call) => say(...call));
  };
  const tell = (kind, params) => {
    if (started) return say(kind, params);
    held.push([kind, params, { time: Date.now() }]);
    if (held.length === 1) {
      setTimeout(release, PATIENCE);
      addEventListener("pagehide", release, true);
    }
  };
  const view = (type, data, store) => {
    const page_type = text(type) || undefined;
    const { pid, id } = hash(data);
    const product_id = page_type === "product" && (text(pid) || text(id));
    const params = { page_type, data: data || undefined };
    say(product_id ? "product_view" : "page_view", product_id ? { product_id, ...params } : params, { store: text(store) });
  };
  const methods = {
    ...words(WORDS, tell),
    Basket,
    basket: new Basket(),
    init: (...args) => {
      quietly(view, ...(args.length || type ? [args[0] || type, args[1] || data, args[2]] : raw(target)));
      release();
    },
    identify: (id, ...more) => {
      const name = text(id);
      if (name) tell("identify", name.includes("@") ? { email: name } : { profile_id: name });
      if (typeof foreign === "function") quietly(foreign.bind(target), id, ...more);
    },
    setBasket: (given) => {
      const basket = Object.assign(new Basket(), contents(given));
      basket.items = basket.lines;
      target.basket = basket;
      tell("basket_update", contents(given));
    },
    viewProducts: (data) => methods.track("viewProducts", data),
    setPageType: (given) => void (type = given),
    setPageData: (given) => void (data = given),
    getIdentity: who,
    isNewVisitor: () => isNew,
    observeEmailInputs: (selector) => {
      for (const input of document.querySelectorAll(selector)) input.addEventListener("change", () => target.identify(input.value));
    },
  };
  for (const name of Object.keys(methods)) {
    const method = methods[name];
    target[name] = typeof method === "function" && method !== Basket ? (...args) => quietly(method, ...args) : method;
  }
  if (text(hash(target.raw_data).type)) target.init();
  if (typeof target.onLoad === "function") quietly(target.onLoad.bind(target));
};
