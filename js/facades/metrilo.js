// `window.metrilo`: the words of Metrilo's tracking library, spoken to our core. Positions become names here; what the values are worth
// the core decides. Every function takes anything, throws nothing and returns nothing.

import { integrateForm } from "../forms.js";
import { member } from "../quiet.js";

/** The cookie that says who, by its documented name. */
export const VISITOR_COOKIE = "cbuid";

/** Each function's event, and its arguments by the names of the event's parameters. */
const CALLS = {
  identify: ["identify", (email) => ({ email })],
  customerDetails: [
    "customer_details",
    (given) => ({
      first_name: member(given, "firstName"),
      last_name: member(given, "lastName"),
      phone_number: member(given, "phoneNumber"),
      subscribed: member(given, "subscribed"),
    }),
  ],
  viewPage: ["page_view", (url, given) => ({ url, name: member(given, "name") })],
  viewArticle: ["article_view", (id, given) => ({ id, name: member(given, "name"), url: member(given, "url") })],
  viewCategory: ["category_view", (id) => ({ id })],
  viewProduct: ["product_view", (product_id) => ({ product_id })],
  search: ["search", (query, url) => ({ query, url })],
  addToCart: ["basket_add", (product_id, quantity) => ({ product_id, quantity })],
  removeFromCart: ["basket_remove", (product_id, quantity) => ({ product_id, quantity })],
  checkout: ["checkout", () => ({})],
  applyTags: ["tag", (tags) => ({ tags })],
  customEvent: ["custom", (name) => ({ name })],
};

/** Gives `target` all functions; `say(type, params)` takes what they mean. */
export const metrilo = (target, say) => {
  const own = {};
  for (const name of Object.keys(CALLS)) {
    const [type, params] = CALLS[name];
    own[name] = (...args) => say(type, params(...args));
  }
  // A form speaks to these very functions, whatever stands under their names on the page by then.
  target.integrateForm = (options) => integrateForm(options, own);
  Object.assign(target, own);
};
