// Decodes calls of the v1 API of `window.metrilo`. It is part of the replay bundle, which only pages load that make v1 calls; before that,
// metrilo-v1-stub.js records them raw.

import { readProperty, tryCall } from "../safe.js";
import { methodsFromTable } from "./method-table.js";

/** `event(name, data)` by name; other names are custom events. `option_id|id` is the first of several properties with a value. */
const EVENTS =
  "view_product product_view .product_id=id," +
  "view_category category_view .id," +
  "view_article article_view .id .name .url," +
  "add_to_cart basket_add .product_id=option_id|id .quantity," +
  "remove_from_cart basket_remove .product_id=option_id|id," +
  "checkout_start checkout," +
  "search search .query," +
  "apply_tags tag .tags," +
  "order order .order_id .total=amount .tax=tax_amount .shipping=shipping_amount .currency .lines=items," +
  "pageview page_view .url=uri .name=page_title";

const IDENTIFY_PROPERTIES = ["first_name", "last_name", "phone_number", "subscribed", "name", "tags"];

/** Returns the elements of an array, or the values of an object: PHP encodes an array with gaps as an object. */
const valuesOf = (list) => tryCall(() => Object.keys(list).map((key) => readProperty(list, key)));

const LINE = "line line .product_id=id .variant_id=option_id .name .sku .quantity .price";

/** Returns the first of `properties` that has a value; a variant with the id 0 is none. */
const readFirst = (object, properties) => {
  let value;
  for (const property of properties.split("|")) if (!value || value === "0") value = readProperty(object, property);
  return value;
};

/** Returns the v1 methods; each calls `track(type, params)`. */
const createMethods = (track) => {
  const toLine = methodsFromTable(LINE, (_, params) => params).line;
  const events = methodsFromTable(EVENTS, (type, params) => {
    if (type === "order") params.lines = typeof params.lines === "object" ? (valuesOf(params.lines) || []).map(toLine) : undefined;
    track(type, params);
  }, readFirst);
  const event = (name, data) => {
    const isDocumented = typeof name === "string" && Object.prototype.hasOwnProperty.call(events, name);
    if (isDocumented) events[name](name === "pageview" && typeof data === "string" ? { page_title: data } : data);
    else track("custom", { name });
  };
  const identify = (email, properties) => {
    track("identify", { email });
    const [first_name, last_name, phone_number, subscribed, name, tags] = IDENTIFY_PROPERTIES.map((name) => readProperty(properties, name));
    const [firstWord, ...otherWords] = typeof name === "string" ? name.trim().split(/\s+/) : [];
    const details = { first_name: first_name || firstWord, last_name: last_name || otherWords.join(" "), phone_number, subscribed };
    if (Object.values(details).some((value) => value || value === false || value === 0)) track("customer_details", details);
    if (tags) track("tag", { tags });
  };
  const noop = () => {};
  return {
    event,
    track: event,
    pageview: (title) => event("pageview", title),
    purchase: (order) => event("order", order),
    identify,
    load: noop,
    debug: noop,
    atr: noop,
  };
};

/**
 * Returns a function that replays one raw call, `[method, ...args]`, into `track(type, params)`. `v2Methods` are the methods of the current
 * API, whose calls a v1 stub may have recorded too.
 */
export const createV1Replay = (track, v2Methods) => {
  const v1Methods = createMethods(track);
  const isV1 = (method) => Object.prototype.hasOwnProperty.call(v1Methods, method);
  return ([method, ...args]) => tryCall(() => (isV1(method) ? v1Methods : v2Methods)[method](...args));
};
