// The facade `window.metrilo`: the functions of Metrilo's tracking library. It names positional arguments; the core validates the values.
// Every function accepts any arguments, never throws and returns undefined.

import { integrateForm } from "./forms.js";
import { methodsFromTable } from "./method-table.js";

/** The methods of the current API; the format is defined in method-table.js. */
export const METHODS =
  "identify identify email," +
  "customerDetails customer_details .first_name=firstName .last_name=lastName .phone_number=phoneNumber .subscribed," +
  "viewPage page_view url .name," +
  "viewArticle article_view id .name .url," +
  "viewCategory category_view id," +
  "viewProduct product_view product_id," +
  "search search query url," +
  "addToCart basket_add product_id quantity," +
  "removeFromCart basket_remove product_id quantity," +
  "checkout checkout," +
  "customEvent custom name," +
  "applyTags tag tags";

/** Installs all methods on `target`; each calls `track(type, params)`. */
export const installMetrilo = (target, track) => {
  const methods = methodsFromTable(METHODS, track);
  // A form calls these methods even if the page replaces them on `target` later.
  target.integrateForm = (options) => integrateForm(options, methods);
  Object.assign(target, methods);
};
