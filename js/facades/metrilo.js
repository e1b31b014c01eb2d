// `window.metrilo`: the words of Metrilo's tracking library, spoken to our core. Positions become names here; what the values are worth
// the core decides. Every function takes anything, throws nothing and returns nothing.

import { integrateForm } from "../forms.js";
import { words } from "./words.js";

/** The words of the second generation, see words.js. */
export const WORDS = `
  identify identify email
  customerDetails customer_details .first_name=firstName .last_name=lastName .phone_number=phoneNumber .subscribed
  viewPage page_view url .name
  viewArticle article_view id .name .url
  viewCategory category_view id
  viewProduct product_view product_id
  search search query url
  addToCart basket_add product_id quantity
  removeFromCart basket_remove product_id quantity
  checkout checkout
  applyTags tag tags
  customEvent custom name`;

/** Gives `target` all functions; `say(type, params)` takes what they mean. */
export const metrilo = (target, say) => {
  const own = words(WORDS, say);
  // A form speaks to these very functions, whatever stands under their names on the page by then.
  target.integrateForm = (options) => integrateForm(options, own);
  Object.assign(target, own);
};
