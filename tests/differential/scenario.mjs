// Random visits of a shop as data. The same seed gives the same steps.

/** Returns a function that returns pseudo-random integers below its argument (mulberry32). */
const seededRandom = (seed) => {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
};

const IDS = ["312", 7, "SKU-1", " 5 ", 0, "", null, { toString: "x" }, "a".repeat(300)];
const EMAILS = ["ana@shop.example", "Ana@Shop.Example", "ben@shop.example", "no address", "", 5];
const QUANTITIES = [1, 2, "3", undefined, "x"];
const PRICES = [10, "9.90", "1.234,50", 0, "free"];
const PATHS = ["/", "/a", "/b?utm_source=mail", "/c#part"];

/** call: the vendor's object, the function, and its random arguments. */
const CALLS = [
  (pick) => ["metrilo", "viewPage", [pick(PATHS), pick([undefined, { name: "Home" }])]],
  (pick) => ["metrilo", "viewProduct", [pick(IDS)]],
  (pick) => ["metrilo", "viewCategory", [pick(IDS)]],
  (pick) => ["metrilo", "viewArticle", [pick(IDS), pick([undefined, { name: "News", url: "/news" }])]],
  (pick) => ["metrilo", "search", [pick(["shoes", "", "grün"]), pick(PATHS)]],
  (pick) => ["metrilo", "addToCart", [pick(IDS), pick(QUANTITIES)]],
  (pick) => ["metrilo", "removeFromCart", [pick(IDS), pick(QUANTITIES)]],
  () => ["metrilo", "checkout", []],
  (pick) => ["metrilo", "applyTags", [pick([["vip"], ["a", "b"], [], "vip"])]],
  (pick) => ["metrilo", "customEvent", [pick(["opened", "", "closed"])]],
  (pick) => ["metrilo", "identify", [pick(EMAILS)]],
  (pick) => ["metrilo", "customerDetails", [pick([{ firstName: "Ana" }, { subscribed: true }, {}])]],
  (pick) => ["ometria", "init", [pick(["home", "listing", "basket", "product"]), pick([undefined, { pid: "312" }])]],
  (pick) => ["ometria", "identify", [pick(EMAILS)]],
  (pick) => ["ometria", "trackAddToBasket", [pick(IDS), pick(QUANTITIES)]],
  (pick) => ["ometria", "trackCheckout", [pick(["start", undefined])]],
  (pick) => ["ometria", "setBasket", [pick(BASKETS)]],
  (pick) => ["ometria", "setBasket", [pick(BASKETS)]],
  (pick) => ["ometria", "trackTransaction", [pick(["o1", "o2", 3]), pick([undefined, { total: "20.00", currency: "EUR" }])]],
];

const line = (product_id, quantity, price) => ({ product_id, quantity, price });
const BASKETS = [
  { basket_id: "b", total: 10, currency: "EUR", items: [line("312", 1, PRICES[0])] },
  { basket_id: "b", total: "29.80", currency: "EUR", items: [line("312", 2, PRICES[0]), line(7, "1", PRICES[1])] },
  { total: "1.234,50", currency: "EUR", items: [line("SKU-1", 1, PRICES[2])] },
  { total: 0, currency: "EUR", items: [] },
];

/** Returns the steps of one visitor: `{ open }`, `{ calls }`, `{ consent }`, `{ reset }`, `{ fail }`, each in tab 0 or 1. */
export const randomScenario = (seed) => {
  const random = seededRandom(seed);
  const pick = (values) => values[random(values.length)];
  const calls = (count) => Array.from({ length: count }, () => pick(CALLS)(pick));
  const steps = [{ tab: 0, open: pick(PATHS), calls: calls(random(4)) }];
  for (let left = 3 + random(6); left > 0; left--) {
    const tab = random(4) ? 0 : 1;
    const isOpen = steps.some((step) => step.open && step.tab === tab);
    const kind = random(10);
    if (!isOpen || kind < 3) steps.push({ tab, open: pick(PATHS), calls: calls(random(4)) });
    else if (kind === 3) steps.push({ tab, consent: pick(["pending", "granted", "granted", "denied"]) });
    else if (kind === 4) steps.push({ tab, reset: true });
    else if (kind === 5) steps.push({ tab, fail: pick([503, 429, 500]) });
    else steps.push({ tab, calls: calls(1 + random(5)) });
  }
  return steps;
};
