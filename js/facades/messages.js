// What the debug window says of events, in the vendors' words. Texts only: how they look is the window's affair.

/** The documented messages: an event's type, the word for it, and the parameter that stands behind it. */
const DOCUMENTED = {
  page_view: ["pageview", "page_type"],
  product_view: ["pageview", "page_type"],
  basket_update: ["setbasket"],
  basket_add: ["addtobasket"],
  order: ["transaction", "order_id"],
  identify: ["identify"],
  checkout: ["checkout", "stage"],
};

/** What names other events best. */
const NAMES = ["product_id", "id", "query", "name", "order_id", "stage", "url", "current_url"];

/** Returns the message for an event, as it is sent. */
export const ofEvent = ({ api, type, params }) => {
  const documented = api === "ometria" && DOCUMENTED[type];
  const [word, ...names] = documented || [type, ...NAMES];
  const what = names.map((name) => params[name]).find((value) => value !== undefined);
  return `Event: ${word}${what === undefined ? "" : ` (${what})`}`;
};

/** Returns the message for who the visitor is now: an e-mail, or an id that was made just now. */
export const ofVisitor = (name) => (name.includes("@") ? `Identified: ${name}` : "NEW COOKIE ID");

/** Returns the message for a visit. */
export const ofSession = (id, isNew) => `${isNew ? "NEW" : "EXISTING"} SESSION: ${id}`;
