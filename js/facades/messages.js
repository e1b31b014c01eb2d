// What the debug window says of what the tracker reports. Texts only: how they look is the window's affair.

const words = (event, names) => names.map((name) => event.params[name]).find((value) => value !== undefined);

const WITH = (label, ...names) => (event) => {
  const what = words(event, names);
  return "Event: " + label + (what === undefined ? "" : ` (${what})`);
};

/** The documented messages, by the type of the event. */
const EVENTS = {
  page_view: WITH("pageview", "page_type", "name", "url"),
  product_view: WITH("pageview", "page_type"),
  basket_update: WITH("setbasket"),
  basket_add: WITH("addtobasket"),
  order: WITH("transaction", "order_id"),
  identify: WITH("identify"),
  checkout: WITH("checkout", "stage"),
};

/** The same for the words of other libraries, which were never documented: the event's own type and what names it best. */
const other = (event) => WITH(event.type, "product_id", "id", "query", "name", "current_url")(event);

/** Returns the message for a kept event. */
export const ofEvent = (event) => (event.api === "ometria" && EVENTS[event.type] ? EVENTS[event.type](event) : other(event));

/** Returns the messages for what is no event, such as a visit that begins. */
export const ofReport = (report) => {
  switch (report.name) {
    case "visitor":
      return report.reason === "new" ? ["NEW COOKIE ID"] : report.answer.includes("@") ? [`Identified: ${report.answer}`] : [];
    case "session":
      return [`${report.reason === "new" ? "NEW" : "EXISTING"} SESSION: ${report.answer}`];
    case "error":
      return [`Ignored: ${report.reason}${report.field ? ` (${report.field})` : ""}`];
    default:
      return [];
  }
};
