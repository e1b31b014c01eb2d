// The customer's cart, which persists across pages.
//
// It is in localStorage under `shop_cart`, as [{id, size, quantity}]. Where storage is blocked or full, it is in window.name, which browsers
// preserve for the tab. This file does not use the tracker: the page that changes the cart also tracks the change.

const shopStorage = {
  /** Returns the stored value of `key`, or null. */
  read(key) {
    try {
      return JSON.parse(this.readWindowName()[key] ?? localStorage.getItem(key));
    } catch {
      return null; // storage is blocked, or the content is not JSON
    }
  },

  write(key, value) {
    const text = JSON.stringify(value);
    const fallback = this.readWindowName();
    delete fallback[key];
    try {
      localStorage.setItem(key, text);
    } catch {
      fallback[key] = text;
    }
    const isUsed = Object.keys(fallback).length > 0;
    if (isUsed || window.name.startsWith('shop:')) window.name = isUsed ? `shop:${JSON.stringify(fallback)}` : '';
  },

  readWindowName() {
    try {
      return window.name.startsWith('shop:') ? JSON.parse(window.name.slice(5)) : {};
    } catch {
      return {};
    }
  },
};

const cart = {
  /** Returns the lines, oldest first, without unknown products and invalid quantities. */
  lines() {
    const lines = shopStorage.read('shop_cart');
    const isValid = (line) => line && catalogue.product(line.id) && Number.isInteger(line.quantity) && line.quantity > 0;
    return Array.isArray(lines) ? lines.filter(isValid) : [];
  },

  /** Returns the number of items in the cart. */
  count() {
    return this.lines().reduce((sum, line) => sum + line.quantity, 0);
  },

  /** Returns the total price in cents. */
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
    shopStorage.write('shop_cart', lines);
    document.dispatchEvent(new CustomEvent('cart-change'));
  },
};

/** Converts a price in euros to whole cents, so that sums are exact. */
function cents(euros) {
  return Math.round(euros * 100);
}
