// `window.metrilo`: the words of Metrilo's tracking library, spoken to our core. Positions become names here; what the values are worth
// the core decides. Every function takes anything, throws nothing and returns nothing.

import { integrateForm } from "../forms.js";
import { hash, quietly } from "../quiet.js";

/** Each function's event, and its arguments by the names of the event's parameters. */
const CALLS = {
  identify: ["identify", (email) => ({ email })],
  customerDetails: [
    "customer_details",
    (given) => {
      const { firstName, lastName, phoneNumber, subscribed } = hash(given);
      return { first_name: firstName, last_name: lastName, phone_number: phoneNumber, subscribed };
    },
  ],
  viewPage: ["page_view", (url, given) => ({ url, name: hash(given).name })],
  viewArticle: ["article_view", (id, given) => ({ id, name: hash(given).name, url: hash(given).url })],
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
  for (const name of Object.keys(CALLS)) {
    const [type, params] = CALLS[name];
    target[name] = (...args) => say(type, quietly(params, ...args) || {});
  }
  target.integrateForm = (options) => integrateForm(options, target);
};
