// The walk of each example: what a visitor does there, and the events that the collector stores of it, in their order, without the landing.
//
// A walk gets `{ tab, url, stored }`; `tab` has at least the methods of `Tab` in tests/browser/support/engines/tab.mjs, and `stored([type, params])`
// waits for an event.

const EVERY_ENGINE = ["chromium", "firefox", "webkit"];

const view = (url, name) => ["page_view", name ? { url, name } : { url }];

const routed = ({ url }) => [view(`${url}/`), view(`${url}/product/312`), ["basket_add", { product_id: "312", quantity: 1 }]];

/** Opens a product, and adds it to the basket. A route that is left within 100 ms is a redirect, so the walk waits for each view. */
const shopWithRoutes = async ({ tab, url, stored }) => {
  const [home, product] = routed({ url });
  await tab.goto(url);
  await stored(home);
  await tab.click("#product");
  await stored(product);
  await tab.click("#add");
};

/** name: `engines` (default: Chromium), `walk`, and `events`, as a function of the walk's argument; both as `[type, params]`. */
export const WALKS = {
  "plain-html": {
    engines: EVERY_ENGINE,
    walk: async ({ tab, url }) => {
      await tab.goto(url);
      await tab.click("#product");
      await tab.waitForURL(/product\.html/);
      await tab.click("#add");
      await tab.fill("[name=email]", "johny@shop.example");
      await tab.click("#subscribe");
      await tab.waitForURL(/thanks\.html/);
    },
    events: ({ url }) => [
      view(`${url}/`, "Shop"),
      ["product_view", { product_id: "312" }],
      ["basket_add", { product_id: "312", quantity: 1 }],
      ["identify", { email: "johny@shop.example" }],
      ["tag", { tags: ["Newsletter"] }],
      view(`${url}/thanks.html`, "Thank you"),
    ],
  },
  "vite-react": { engines: EVERY_ENGINE, walk: shopWithRoutes, events: routed },
  vue: { walk: shopWithRoutes, events: routed },
  next: { walk: shopWithRoutes, events: routed },
  webpack: {
    walk: async ({ tab, url }) => {
      await tab.goto(url);
      await tab.click("#add");
    },
    events: () => [
      ["product_view", { product_id: "312" }],
      ["basket_add", { product_id: "312", quantity: 1 }],
    ],
  },
  "tag-manager": {
    walk: async ({ tab, url }) => {
      await tab.goto(url);
      await tab.waitForFunction(() => document.body.dataset.container);
      await tab.click("#add");
      await tab.click("#buy");
    },
    events: ({ url }) => [
      view(`${url}/`, "Shop"),
      ["basket_add", { product_id: "312", quantity: 2 }],
      ["page_view", { url: `${url}/`, page_type: "confirmation" }],
      ["order", { order_id: "1001" }],
    ],
  },
  "php-shop": {
    walk: async ({ tab, url }) => {
      await tab.goto(url);
      await tab.click("#product");
      await tab.waitForURL(/product\.php/);
      await tab.click("#add");
      await tab.click("#order");
      await tab.waitForURL(/thanks\.php/);
    },
    events: ({ url }) => [
      view(`${url}/`, "Shirts"),
      ["category_view", { id: "7" }],
      view(`${url}/product.php`, 'Shirt "Blue" </script>'),
      ["product_view", { product_id: "312" }],
      ["basket_add", { product_id: "312", quantity: 1 }],
      view(`${url}/thanks.php`, "Thank you"),
      ["identify", { email: "johny@shop.example" }],
      ["customer_details", { first_name: "Johny", last_name: "Bravo" }],
      ["order", { order_id: "1001", total: 29.9, currency: "EUR", lines: [{ product_id: "312", quantity: 1, price: 29.9 }] }],
    ],
  },
  "shopify-pixel": {
    walk: async ({ tab, url }) => {
      await tab.goto(url);
      await tab.waitForFunction(() => document.cookie.includes("cbuid"));
      await tab.click("#add");
      await tab.click("#buy");
    },
    events: ({ url }) => [
      view(`${url}/`, "Shop"),
      ["basket_add", { product_id: "312", quantity: 1 }],
      ["identify", { email: "johny@shop.example" }],
      ["order", { order_id: "1001", total: 34.9, shipping: 5, currency: "EUR", lines: [{ product_id: "312", variant_id: "3121", quantity: 1, price: 29.9 }] }],
    ],
  },
};
