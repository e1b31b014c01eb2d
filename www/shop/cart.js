// The shopper's cart, kept from page to page.
//
// It lives in localStorage under `shop_cart`, as [{id, size, quantity}]. Where storage is blocked or full it travels in
// window.name instead, which every browser keeps for the tab, so that the shop sells there too.
// Nothing here knows of the tracker: the page that changes the cart also reports the change.

const keep = {
  /** What was kept under `key`, or null. */
  read(key) {
    try {
      return JSON.parse(this.inTab()[key] ?? localStorage.getItem(key));
    } catch {
      return null; // storage is blocked, or somebody else wrote there
    }
  },

  write(key, value) {
    const text = JSON.stringify(value);
    const tab = this.inTab();
    delete tab[key];
    try {
      localStorage.setItem(key, text);
    } catch {
      tab[key] = text;
    }
    const left = Object.keys(tab).length > 0;
    if (left || window.name.startsWith('shop:')) window.name = left ? `shop:${JSON.stringify(tab)}` : '';
  },

  inTab() {
    try {
      return window.name.startsWith('shop:') ? JSON.parse(window.name.slice(5)) : {};
    } catch {
      return {};
    }
  },
};

const cart = {
  /** The lines, oldest first; only products that the shop still has, with whole positive quantities. */
  lines() {
    const kept = keep.read('shop_cart');
    const known = (line) => line && catalogue.product(line.id) && Number.isInteger(line.quantity) && line.quantity > 0;
    return Array.isArray(kept) ? kept.filter(known) : [];
  },

  /** How many pieces are in the cart. */
  count() {
    return this.lines().reduce((sum, line) => sum + line.quantity, 0);
  },

  /** What the cart costs, in cents. */
  total() {
    return this.lines().reduce((sum, line) => sum + cents(catalogue.product(line.id).price) * line.quantity, 0);
  },

  add(id, size, quantity) {
    const line = this.lines().find((line) => line.id === id && line.size === size);
    this.set(id, size, (line ? line.quantity : 0) + quantity);
  },

  /** Sets a line's quantity; zero removes the line. */
  set(id, size, quantity) {
    const lines = this.lines();
    const at = lines.findIndex((line) => line.id === id && line.size === size);
    if (at < 0) lines.push({ id, size, quantity });
    else lines[at].quantity = quantity;
    this.save(lines.filter((line) => line.quantity > 0));
  },

  clear() {
    this.save([]);
  },

  save(lines) {
    keep.write('shop_cart', lines);
    document.dispatchEvent(new CustomEvent('cart-change'));
  },
};

/** A price in euros as whole cents, so that sums are exact. */
function cents(euros) {
  return Math.round(euros * 100);
}
