// What the first generation of `window.metrilo` meant by its calls. Only pages that speak it fetch this, with spoken.js; until then their
// calls are kept as metrilo-stub.js heard them.

import { member, quietly } from "../quiet.js";
import { words } from "./words.js";

/** What `event(name, data)` says, by its name; the others are custom events. */
const EVENTS = `
  view_product product_view .product_id=id
  view_category category_view .id
  view_article article_view .id .name .url
  add_to_cart basket_add .product_id=option_id|id .quantity
  remove_from_cart basket_remove .product_id=option_id|id
  checkout_start checkout
  search search .query
  apply_tags tag .tags
  order order .order_id .total=amount .tax=tax_amount .shipping=shipping_amount .currency .lines=items
  pageview page_view .url=uri .name=page_title`;

const DETAILS = ["first_name", "last_name", "phone_number", "subscribed", "name", "tags"];

/** Returns the elements of a list, or the members of an object: servers print a list with gaps as an object. */
const elements = (list) => quietly(() => Object.keys(list).map((key) => member(list, key)));

const LINE = "line line .product_id=id .variant_id=option_id .name .sku .quantity .price";

/** Returns the methods of the first generation; `say(type, params)` takes what they mean. */
const methods = (say) => {
  const line = words(LINE, (_, params) => params).line;
  const events = words(EVENTS, (type, params) => {
    if (type === "order") params.lines = typeof params.lines === "object" ? (elements(params.lines) || []).map(line) : undefined;
    say(type, params);
  });
  const event = (name, data) => {
    const known = typeof name === "string" && Object.prototype.hasOwnProperty.call(events, name);
    if (known) events[name](name === "pageview" && typeof data === "string" ? { page_title: data } : data);
    else say("custom", { name });
  };
  const identify = (email, given) => {
    say("identify", { email });
    const [first_name, last_name, phone_number, subscribed, name, tags] = DETAILS.map((name) => member(given, name));
    const [head, ...tail] = typeof name === "string" ? name.trim().split(/\s+/) : [];
    const details = { first_name: first_name || head, last_name: last_name || tail.join(" "), phone_number, subscribed };
    if (Object.values(details).some((value) => value || value === false || value === 0)) say("customer_details", details);
    if (tags) say("tag", { tags });
  };
  const nothing = () => {};
  return {
    event,
    track: event,
    pageview: (title) => event("pageview", title),
    purchase: (order) => event("order", order),
    identify,
    load: nothing,
    debug: nothing,
    atr: nothing,
  };
};

/**
 * Returns a function that plays one recorded call, `[method, ...args]`. `say(type, params)` takes what it means; `second` has the functions of
 * the second generation, which a stub may have recorded too.
 */
export const firstGeneration = (say, second) => {
  const own = methods(say);
  return ([method, ...args]) => quietly(() => (Object.prototype.hasOwnProperty.call(own, method) ? own : second)[method](...args));
};
