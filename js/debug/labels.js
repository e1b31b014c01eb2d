// The texts of the debug panel for events, visitors and sessions, in the words that the vendors documented.

/** Documented labels by event type: the label, and the parameter to show behind it. */
const DOCUMENTED = {
  page_view: ["pageview", "page_type"],
  product_view: ["pageview", "page_type"],
  basket_update: ["setbasket"],
  basket_add: ["addtobasket"],
  order: ["transaction", "order_id"],
  identify: ["identify"],
  checkout: ["checkout", "stage"],
};

/** The parameters to show behind other event types; the first that is present. */
const SHOWN_PARAMS = ["product_id", "id", "query", "name", "order_id", "stage", "url", "current_url"];

/** Returns the label of an event, given as it is sent. */
export const eventLabel = ({ api, type, params }) => {
  const documented = api === "ometria" && DOCUMENTED[type];
  const [label, ...names] = documented || [type, ...SHOWN_PARAMS];
  const shown = names.map((name) => params[name]).find((value) => value !== undefined);
  return `Event: ${label}${shown === undefined ? "" : ` (${shown})`}`;
};

/** Returns the label of a visitor: an e-mail address, or a new anonymous id. */
export const visitorLabel = (name) => (name.includes("@") ? `Identified: ${name}` : "NEW COOKIE ID");

/** Returns the label of a session. */
export const sessionLabel = (id, isNew) => `${isNew ? "NEW" : "EXISTING"} SESSION: ${id}`;
