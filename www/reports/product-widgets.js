// The widgets about products: views, carts, orders and revenue of each, and what is viewed and not bought.

import { countColumn, moneyColumn, OF_ORDERS, ratioColumn, shareColumn, textColumn } from '/reports/columns.js';
import * as queries from '/reports/queries.js';
import * as tracking from '/reports/tracking-queries.js';

/** How many products the queries compare. */
const MAX_PRODUCTS = 100;
const SHOWN_PRODUCTS = 15;
/** Shops report an added product by either of them, and some by both. The second one names a product only if it adds exactly one. */
const ADDING_TYPES = ['basket_add', 'basket_update'];

const productOrders = (filters, field, operator) => {
  const filter = field === 'line_items.total_amount' ? queries.ordersInCurrency(filters) : queries.placedOrders(filters);
  return queries.topProducts('orders', queries.productLines(filter), { field, operator, limit: MAX_PRODUCTS });
};

/**
 * Returns `[product, visits with a view, visits with it put into the cart, sold, orders, revenue]` for each product. Orders have no device, so
 * that the visits of one device cannot be compared with them.
 */
const loadProducts = async (filters) => {
  const [viewsOf, addsOf, sold, orders, revenue] = await Promise.all([
    tracking.visitsOfProducts(filters, ['product_view'], MAX_PRODUCTS),
    tracking.visitsOfProducts(filters, ADDING_TYPES, MAX_PRODUCTS),
    productOrders(filters, 'line_items.quantity', 'sum'),
    productOrders(filters, 'order.id', 'value_count'),
    productOrders(filters, 'line_items.total_amount', 'sum'),
  ]);
  const [soldOf, ordersOf, revenueOf] = [sold, orders, revenue].map((found) => new Map(found.map(({ label, value }) => [label, value ?? 0])));
  const names = [...new Set([viewsOf, addsOf, soldOf].flatMap((found) => [...found.keys()]))];
  return names.map((name) => [name, viewsOf.get(name) ?? 0, addsOf.get(name) ?? 0, soldOf.get(name) ?? 0, ordersOf.get(name) ?? 0, revenueOf.get(name) ?? (ordersOf.get(name) ? null : 0)]);
};

const productTable = {
  id: 'product-performance',
  title: 'Views, carts, orders and revenue',
  note: 'Views and carts count visits; views come from pages, orders also from the back end. The rate divides orders by visits with a view.',
  isWide: true,
  uses: OF_ORDERS,
  load: async (filters) => {
    const rows = (await loadProducts(filters)).sort((a, b) => (b[5] ?? 0) - (a[5] ?? 0) || b[1] - a[1]);
    return {
      columns: [textColumn('Product', 'product'), countColumn('Viewed'), countColumn('Into the cart'), countColumn('Sold'), countColumn('Orders'), moneyColumn('Revenue', filters), shareColumn('Rate')],
      rows: rows.map((row) => [...row, row[1] ? row[4] / row[1] : null]),
      barColumn: 1,
    };
  },
};

const notBought = {
  id: 'not-bought',
  title: 'Looked at and not bought',
  note: 'Products with the most visits for each order.',
  uses: OF_ORDERS,
  load: async (filters) => {
    const rows = (await loadProducts(filters)).filter(([, views]) => views > 0).map(([name, views, , , orders]) => [name, views, orders, views / Math.max(orders, 1)]);
    rows.sort((a, b) => b[3] - a[3] || b[1] - a[1]);
    return {
      columns: [textColumn('Product', 'product'), countColumn('Viewed'), countColumn('Orders'), ratioColumn('Views for each order')],
      rows: rows.slice(0, SHOWN_PRODUCTS),
      barColumn: 1,
    };
  },
};

export const PRODUCTS = [productTable, notBought];
