// The first generation of `window.metrilo`, as old themes and plug-ins still carry it: a stub that recorded calls as `[method, ...args]`
// in `q` or `queue`. The same object is upgraded in place, and both generations of methods stay callable on it.

import { member, quietly } from "../quiet.js";

const first = (...values) => values.find((value) => value !== undefined && value !== null && value !== "");

/** Returns parameters by a table of their names and the members of `data` that may hold them, the best first. A zero is no option's id. */
const pick = (names) => (data) => {
  const params = {};
  for (const name of Object.keys(names)) {
    const values = names[name].map((from) => member(data, from));
    params[name] = values.slice(0, -1).find((value) => value && value !== "0") || values[values.length - 1];
  }
  return params;
};

const LINE = { product_id: ["id"], variant_id: ["option_id"], name: ["name"], sku: ["sku"], quantity: ["quantity"], price: ["price"] };
const ORDER = { order_id: ["order_id"], total: ["amount"], tax: ["tax_amount"], shipping: ["shipping_amount"], currency: ["currency"] };
const BASKET = { product_id: ["option_id", "id"] };

/** Returns a list's elements, or an object's members: servers print a list with gaps as an object. */
const elements = (list) => quietly(() => (typeof list === "object" ? Object.keys(list).map((key) => member(list, key)) : undefined));

/** What each `event(name, data)` says: the type, and the parameters of its data. */
const EVENTS = {
  pageview: [
    "page_view",
    (data) => ({ url: member(data, "uri"), name: first(typeof data === "string" ? data : member(data, "page_title"), document.title) }),
  ],
  view_product: ["product_view", pick({ product_id: ["id"] })],
  view_category: ["category_view", pick({ id: ["id"] })],
  view_article: ["article_view", pick({ id: ["id"], name: ["name"], url: ["url"] })],
  add_to_cart: ["basket_add", pick({ ...BASKET, quantity: ["quantity"] })],
  remove_from_cart: ["basket_remove", (data) => ({ ...pick(BASKET)(data), quantity: 1 })],
  checkout_start: ["checkout", () => ({})],
  search: ["search", pick({ query: ["query"] })],
  apply_tags: ["tag", pick({ tags: ["tags"] })],
  order: [
    "order",
    (data) => {
      const items = elements(member(data, "items"));
      return { ...pick(ORDER)(data), lines: items && items.map(pick(LINE)) };
    },
  ],
};

const DETAILS = { first_name: ["first_name"], last_name: ["last_name"], phone_number: ["phone_number"], subscribed: ["subscribed"] };

/** What only the first generation's `identify` took. */
const OLD_WORDS = [...Object.keys(DETAILS), "name", "tags"];

/** Returns the methods of the first generation; `say(type, params)` takes what they mean. */
const methods = (say) => {
  const event = (name, data) => {
    const known = typeof name === "string" && Object.prototype.hasOwnProperty.call(EVENTS, name);
    const [type, params] = known ? EVENTS[name] : ["custom", () => ({ name })];
    say(type, params(data));
  };
  const describe = (given) => {
    const details = pick(DETAILS)(given);
    const name = member(given, "name");
    if (typeof name === "string") {
      const [head, ...tail] = name.trim().split(/\s+/);
      details.first_name = first(details.first_name, head);
      details.last_name = first(details.last_name, tail.join(" "));
    }
    if (first(...Object.values(details)) !== undefined) say("customer_details", details);
    const tags = first(member(given, "tags"));
    if (tags !== undefined) say("tag", { tags });
  };
  const nothing = () => {};
  return {
    event,
    track: event,
    pageview: (title) => event("pageview", title),
    purchase: (order) => event("order", order),
    identify: (email, given) => {
      say("identify", { email });
      describe(given);
    },
    load: nothing,
    debug: nothing,
    atr: nothing,
  };
};

/**
 * Gives `target` the methods of the first generation, plays what a stub recorded, in order, and from then on at once. `identify` exists in
 * both generations: on a stub it is the first one's, elsewhere only where it is given what only the first one took.
 */
export const metriloV1 = (target, say) => {
  const stub = target.q || target.queue;
  const second = target.identify;
  const own = methods(say);
  const identify = (email, given) => {
    const isFirst = stub || OLD_WORDS.some((name) => member(given, name) !== undefined);
    (isFirst ? own.identify : second)(email, given);
  };
  Object.assign(target, own, { identify });
  // What stands here now: a stub that comes later would put its own methods, which only record, in these places.
  const mouth = { ...target };
  const play = (entry) =>
    quietly(() => {
      const [method, ...args] = Array.prototype.slice.call(entry);
      if (typeof mouth[method] === "function") mouth[method](...args);
    });
  for (const queue of [target.q, target.queue]) {
    if (!Array.isArray(queue)) continue;
    const recorded = queue.splice(0);
    queue.push = (...entries) => (entries.forEach(play), 0);
    recorded.forEach(play);
  }
};
