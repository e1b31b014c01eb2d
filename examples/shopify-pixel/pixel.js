// The custom pixel: paste this file into Settings, Customer events, Add custom pixel. It turns Shopify's customer events into the collector's
// events, and sends each one by itself. The sandbox has no storage of its own: visitor and visit are kept by Shopify's `browser` object.

const COLLECTOR = "https://collector.example.com/";
const TOKEN = "sh0p-t0k3n";

const COOKIE_MAX_AGE_SECS = 400 * 24 * 60 * 60;
const SESSION_TIMEOUT_MS = 30 * 60 * 1000;

const hexDigits = (bytes) => Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Returns a UUID of version 7, by which the collector recognises an event that arrives twice. */
const createId = (time) => {
  const [clock, random] = [time.toString(16).padStart(12, "0"), hexDigits(9)];
  return `${clock.slice(0, 8)}-${clock.slice(8)}-7${random.slice(0, 3)}-8${random.slice(3, 6)}-${random.slice(6)}`;
};

const readCookie = async (name) => decodeURIComponent((await browser.cookie.get(name)) || "");

/** Returns the visitor: the cookie of the library in the theme, or a new one. It holds an id, or the e-mail address of an identified visitor. */
const readVisitor = async () => {
  const stored = await readCookie("cbuid");
  const visitor = stored || hexDigits(21);
  if (!stored) await browser.cookie.set(`cbuid=${visitor}; path=/; max-age=${COOKIE_MAX_AGE_SECS}; SameSite=Lax`);
  return visitor.includes("@") ? { visitorEmail: visitor } : { visitorId: visitor };
};

/** Returns the session of the library in the theme, if it is recent; else the one of this tab. */
const readSession = async () => {
  const ofLibrary = new URLSearchParams(await readCookie("ometria"));
  if (Date.now() - ofLibrary.get("t") < SESSION_TIMEOUT_MS && ofLibrary.get("sid")) return ofLibrary.get("sid");
  const stored = await browser.sessionStorage.getItem("tillroll-session");
  const session = stored || hexDigits(8);
  if (!stored) await browser.sessionStorage.setItem("tillroll-session", session);
  return session;
};

const identity = Promise.all([readVisitor(), readSession()]);

const send = async ({ timestamp, context }, events) => {
  const [visitor, sessionId] = await identity;
  const { location, referrer, title } = context.document;
  const time = Date.parse(timestamp);
  const shared = { api: "tillroll", time, sessionId, page: { url: location.href, referrer, title }, ...visitor };
  const body = { token: TOKEN, sentAt: Date.now(), events: events.map(([type, params]) => ({ id: createId(time), type, params, ...shared })) };
  // A string is sent as `text/plain`, which needs no preflight. With `keepalive` the request survives the page.
  await fetch(`${COLLECTOR}v2/batch`, { method: "POST", keepalive: true, body: JSON.stringify(body) });
};

const toLine = ({ variant, quantity }) => ({ product_id: variant.product.id, variant_id: variant.id, quantity, price: variant.price.amount });

const toOrder = ({ order, totalPrice, totalTax, shippingLine, currencyCode, lineItems }) => ({
  order_id: order.id,
  total: totalPrice.amount,
  tax: totalTax?.amount,
  shipping: shippingLine?.price.amount,
  currency: currencyCode,
  lines: lineItems.map(toLine),
});

/** Shopify's event: the events of the collector, each a type and its parameters. */
const EVENTS = {
  page_viewed: (_, { location, title }) => [["page_view", { url: location.href, name: title }]],
  collection_viewed: ({ collection }) => [["category_view", { id: collection.id }]],
  product_viewed: ({ productVariant }) => [["product_view", { product_id: productVariant.product.id }]],
  search_submitted: ({ searchResult }, { location }) => [["search", { query: searchResult.query, url: location.href }]],
  product_added_to_cart: ({ cartLine }) => [["basket_add", { product_id: cartLine.merchandise.product.id, quantity: cartLine.quantity }]],
  product_removed_from_cart: ({ cartLine }) => [["basket_remove", { product_id: cartLine.merchandise.product.id, quantity: cartLine.quantity }]],
  checkout_started: () => [["checkout", {}]],
  checkout_completed: ({ checkout }) => [
    ...(checkout.email ? [["identify", { email: checkout.email }]] : []),
    ["order", toOrder(checkout)],
  ],
};

for (const [name, convert] of Object.entries(EVENTS))
  analytics.subscribe(name, (event) => send(event, convert(event.data, event.context.document)));
