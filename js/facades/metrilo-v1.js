// The first generation of `window.metrilo`, as old themes and plug-ins still carry it: a stub that recorded calls as `[method, ...args]`
// in `q` or `queue`. The same object is upgraded in place, and both generations of methods stay callable on it.

import { hash, quietly } from "../quiet.js";

const first = (...values) => values.find((value) => value !== undefined && value !== null && value !== "");

/** What each `event(name, data)` says: the type, and the parameters of its data. */
const EVENTS = {
  pageview: [
    "page_view",
    (data) => ({ url: data.uri, name: first(typeof data === "string" ? data : data.page_title, document.title) }),
  ],
  view_product: ["product_view", (data) => ({ product_id: data.id })],
  view_category: ["category_view", (data) => ({ id: data.id })],
  view_article: ["article_view", (data) => ({ id: data.id, name: data.name, url: data.url })],
  add_to_cart: ["basket_add", (data) => ({ product_id: first(data.option_id, data.id), quantity: data.quantity })],
  remove_from_cart: ["basket_remove", (data) => ({ product_id: first(data.option_id, data.id), quantity: 1 })],
  checkout_start: ["checkout", () => ({})],
  search: ["search", (data) => ({ query: data.query })],
  apply_tags: ["tag", (data) => ({ tags: data.tags })],
  order: [
    "order",
    (data) => ({
      order_id: data.order_id,
      total: data.amount,
      tax: data.tax_amount,
      shipping: data.shipping_amount,
      currency: data.currency,
      lines: lines(data.items),
    }),
  ],
};

const lines = (items) => {
  const list = hash(items);
  return Object.keys(list).map((key) => {
    const item = hash(list[key]);
    return { product_id: item.id, variant_id: item.option_id, name: item.name, sku: item.sku, quantity: item.quantity, price: item.price };
  });
};

/** Returns the methods of the first generation; `say(type, params)` takes what they mean. */
const methods = (say) => {
  const event = (name, data) => {
    const [type, params] = Object.prototype.hasOwnProperty.call(EVENTS, name) ? EVENTS[name] : ["custom", () => ({ name })];
    say(type, quietly(params, data && (typeof data === "string" || typeof data === "object") ? data : {}) || {});
  };
  const describe = (data) => {
    const [head, ...tail] = String(first(data.name, "")).trim().split(/\s+/);
    const details = {
      first_name: first(data.first_name, head),
      last_name: first(data.last_name, tail.join(" ")),
      phone_number: data.phone_number,
      subscribed: data.subscribed,
    };
    if (first(...Object.values(details)) !== undefined) say("customer_details", details);
    if (first(data.tags) !== undefined) say("tag", { tags: data.tags });
  };
  const nothing = () => {};
  return {
    event,
    track: event,
    pageview: (title) => event("pageview", title),
    purchase: (order) => event("order", order),
    identify: (email, given) => {
      say("identify", { email });
      quietly(describe, hash(given));
    },
    load: nothing,
    debug: nothing,
    atr: nothing,
  };
};

/** What only the first generation's `identify` took. */
const DETAILS = ["first_name", "last_name", "name", "phone_number", "subscribed", "tags"];

/**
 * Gives `target` the methods of the first generation, plays what a stub recorded, in order, and from then on at once. `identify` exists in
 * both generations: on a stub it is the first one's, elsewhere only where it is given what only the first one took.
 */
export const metriloV1 = (target, say) => {
  const stub = target.q || target.queue;
  const second = target.identify;
  Object.assign(target, methods(say));
  const identify = target.identify;
  target.identify = (email, given) => {
    const isFirst = stub || quietly(() => DETAILS.some((name) => name in hash(given)));
    (isFirst ? identify : second)(email, given);
  };
  const play = (entry) =>
    quietly(() => {
      const [method, ...args] = Array.prototype.slice.call(entry);
      if (typeof target[method] === "function") target[method](...args);
    });
  for (const queue of [target.q, target.queue]) {
    if (!Array.isArray(queue)) continue;
    const recorded = queue.splice(0);
    queue.push = (...entries) => (entries.forEach(play), 0);
    recorded.forEach(play);
  }
};
