// Stands in for Shopify's half in the shop's page: it opens the frame of the pixel, publishes customer events into it, and reads and writes
// cookies and session storage for it.

const frame = document.querySelector("iframe");

const answers = {
  getCookie: (name) => document.cookie.match(`(?:^|; )${name}=([^;]*)`)?.[1] ?? "",
  setCookie: (cookie) => void (document.cookie = cookie),
  getItem: (key) => sessionStorage.getItem(key),
  setItem: (key, value) => sessionStorage.setItem(key, value),
};

const publish = (name, data) => {
  const context = { document: { location: { href: location.href }, referrer: document.referrer, title: document.title } };
  frame.contentWindow.postMessage({ name, data, context, timestamp: new Date().toISOString() }, "*");
};

window.addEventListener("message", ({ source, data, ports }) => {
  if (source !== frame.contentWindow) return;
  if (data.name === "ready") publish("page_viewed", {});
  else ports[0].postMessage(answers[data.name](...data.args));
});

const variant = { id: "3121", product: { id: "312" }, price: { amount: 29.9 } };
const checkout = {
  email: "johny@shop.example",
  currencyCode: "EUR",
  order: { id: "1001" },
  totalPrice: { amount: 34.9 },
  shippingLine: { price: { amount: 5 } },
  lineItems: [{ variant, quantity: 1 }],
};

document.querySelector("#add").addEventListener("click", () => publish("product_added_to_cart", { cartLine: { merchandise: variant, quantity: 1 } }));
document.querySelector("#buy").addEventListener("click", () => publish("checkout_completed", { checkout }));
