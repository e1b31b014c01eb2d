// The parts of the reports, and the widgets of each.

import { CUSTOMERS } from '/reports/customer-widgets.js';
import { PRODUCTS } from '/reports/product-widgets.js';
import { trafficWidgets, visitFunnel } from '/reports/traffic.js';
import * as widgets from '/reports/widgets.js';

const { abandoned, abandonedProducts, coupons, customers, funnel, markets, orders, products, revenue, statuses, TOUCHES } = widgets;

/** `touch` is that which the filters of a source mean, for orders: the last one, but the first one where it is about what brought customers. */
const PARTS = [
  { name: 'overview', title: 'Overview', widgets: [revenue, orders, visitFunnel, funnel, abandoned, statuses, markets, coupons] },
  { name: 'traffic', title: 'Traffic', widgets: trafficWidgets(TOUCHES) },
  { name: 'products', title: 'Products', widgets: [...PRODUCTS, products, abandonedProducts] },
  { name: 'customers', title: 'Customers', touch: 'first', widgets: [customers, ...CUSTOMERS] },
];

/** The part that the address names. */
export const part = PARTS.find(({ name }) => name === new URLSearchParams(location.search).get('part')) ?? PARTS[0];

/** Shows links to all parts, with the filters of the present address. */
export const showLinks = (nav) =>
  nav.replaceChildren(...PARTS.map(({ name, title }) => {
    const params = new URLSearchParams(location.search);
    params.set('part', name);
    const link = Object.assign(document.createElement('a'), { href: `?${params}`, textContent: title });
    if (name === part.name) link.setAttribute('aria-current', 'page');
    return link;
  }));
