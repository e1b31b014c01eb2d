// The queries of the widgets: their common filters, and the conversion of responses to rows.
//
// `filters` is `{ from, to, interval, market, channel, source, campaign, device, product, currency, touch }`; orders have no device, and carts no
// source either. The source of an order is that of the `touch`: `first`, or `last` without one. Amounts of different currencies are never added: queries of amounts filter by one currency, queries of counts include all.

import { query } from '/reports/api.js';
import { dateFilter, dayOfTime, intervalStarts, longestPeriod, previousPeriod, startOfDay, timeZone } from '/reports/period.js';
import { labelOfId, ofProduct } from '/reports/product-names.js';

/** A cart is abandoned if it was not changed for this time. */
const ABANDONED_AFTER_MS = 3_600_000;
const HALF_DAY_MS = 43_200_000;

const AMOUNT = 'order.total_amount_with_taxes';
/** The attributes with the name and the id of a product. */
const LINES_BY = { name: 'line_items.name', id: 'line_items.item_id' };
const PRODUCTS_BY = { orders: LINES_BY, carts: LINES_BY, events: { name: 'product.name', id: 'product.id' } };
/** Line items also contain shipping and fees; these are the types of products. */
const PRODUCT_LINES = { types: { in: ['skus', 'bundles'] } };
/** Shop systems use both spellings. */
const CANCELLED_STATUSES = ['cancelled', 'canceled'];

/** Returns the object without its undefined members; undefined if no other is left. */
const withoutUndefined = (object) => {
  const members = Object.entries(object).filter(([, value]) => value !== undefined);
  return members.length ? Object.fromEntries(members) : undefined;
};
/** Returns the condition that an attribute has a value, if one is chosen. */
export const among = (name, value) => (value ? { [name]: { in: [value] } } : undefined);
const marketFilter = ({ market }) => among('ids', market);
/** Returns the conditions on a source, if any is chosen. */
export const sourceFilter = ({ channel, source, campaign }) =>
  withoutUndefined({ ...among('channels', channel), ...among('names', source), ...among('campaigns', campaign) });
const attributionFilter = (filters) => withoutUndefined({ [filters.touch ?? 'last']: sourceFilter(filters) });
/** An order or a cart that contains the product. */
const productFilter = ({ product }) => ofProduct(product, 'item_ids');
const currencyFilter = ({ currency }) => ({ currency_codes: { in: [currency] } });

const relationsOfOrder = (filters) => ({ market: marketFilter(filters), attribution: attributionFilter(filters), line_items: productFilter(filters) });

/** Filters orders that were placed in the period and not cancelled; `conditions` are further conditions of the order. */
export const placedOrders = (filters, conditions = {}) =>
  withoutUndefined({
    order: { ...dateFilter(filters), date_field: 'placed_at', statuses: { not_in: CANCELLED_STATUSES }, ...conditions },
    ...relationsOfOrder(filters),
  });

/** Filters the orders of the period that are the first ones of their customers. */
export const firstOrders = (filters) => ({ ...placedOrders(filters), customer: { orders_before: { eq: 0 } } });

/** Filters orders that were placed in the period, including cancelled ones. */
export const allOrders = (filters) => withoutUndefined({ order: { ...dateFilter(filters), date_field: 'placed_at' }, ...relationsOfOrder(filters) });

/** Filters placed orders of the selected currency. */
export const ordersInCurrency = (filters) => placedOrders(filters, currencyFilter(filters));

/** Filters carts by one of their dates. */
export const carts = (filters, date_field, conditions = {}) =>
  withoutUndefined({ order: { ...dateFilter(filters), date_field, ...conditions }, market: marketFilter(filters), line_items: productFilter(filters) });

/** Filters orders of customers whose first order is in the period: those orders, or the later ones until today. */
export const ordersOfNewCustomers = (filters, { isFirst, ...conditions }) => {
  const { from, to } = filters;
  const longest = longestPeriod();
  const days = isFirst ? filters : { ...longest, from: Math.max(from, longest.from) };
  const first_order_at = { gte_lt: [startOfDay(from), startOfDay(to + 1)] };
  return { ...placedOrders({ ...filters, ...days }), customer: { orders_before: isFirst ? { eq: 0 } : { gte: 1 }, first_order_at, ...conditions } };
};

/** Filters carts that were last changed in the period, an hour ago or longer. Returns null if the period began within the last hour. */
export const abandonedCarts = (filters) => {
  const latest = Date.now() - ABANDONED_AFTER_MS;
  const latestDay = dayOfTime(latest);
  if (filters.from > latestDay) return null;
  const filter = carts(filters, 'updated_at');
  if (filters.to >= latestDay) filter.order.date_to = `${new Date(latest).toISOString().slice(0, 19)}Z`;
  return filter;
};

export const returns = (filters) => withoutUndefined({ return: { ...dateFilter(filters), date_field: 'created_at' }, market: marketFilter(filters) });

/** Restricts a filter to line items that are products. */
export const productLines = (filter) => ({ ...filter, line_items: { ...filter.line_items, ...PRODUCT_LINES } });

/** Restricts a filter to the selected currency. */
export const inCurrency = (filter, filters) => ({ ...filter, order: { ...filter.order, ...currencyFilter(filters) } });

export const countRecords = (resource, filter, field = 'order.id') => query(resource, 'stats', { field, operator: 'value_count' }, filter).then(({ value }) => value);

export const countCustomers = (filter) => query('orders', 'stats', { field: 'customer.email', operator: 'cardinality' }, filter).then(({ value }) => value);

/** Returns `{ count, sum, avg }` of the amounts of the orders that match; their currencies must be the same. */
export const amountStats = (filter) => query('orders', 'stats', { field: AMOUNT, operator: 'stats' }, filter).then(({ value }) => value);

/** Returns `{ count, sum, avg }` of the order amounts. */
export const revenueStats = (filters) => amountStats(ordersInCurrency(filters));

/** Returns the filters with the previous period. */
export const withPreviousPeriod = (filters) => ({ ...filters, ...previousPeriod(filters) });

/** Returns a row `[first day, value]` for each interval of the period. */
export const timeSeries = async (filters, { resource = 'orders', by = 'order.placed_at', field = 'order.id', operator = 'value_count', filter }) => {
  const { interval } = filters;
  const buckets = await query(resource, 'date_breakdown', { by, field, operator, interval, time_zone: timeZone }, filter);
  // Half a day later it is the same day even if the browser has older rules of the zone than the collector.
  const values = new Map(buckets.map(({ date, value }) => [dayOfTime(Date.parse(date) + HALF_DAY_MS), value]));
  return intervalStarts(filters, interval).map((start) => [start, values.get(start) ?? 0]);
};

/** Returns a time series of order amounts. */
export const amountSeries = (filters, options) => timeSeries(filters, { field: AMOUNT, operator: 'sum', ...options });

/** Returns the buckets of a field, largest first. */
export const topBuckets = async (resource, by, filter, { field = 'order.id', operator = 'value_count', limit = 10, breakdown } = {}) =>
  (await query(resource, 'breakdown', withoutUndefined({ by, field, operator, limit, breakdown }), filter))[by];

/**
 * Returns the buckets of products by their names, largest first. If fewer than `limit` products have a name, those without one are among them, with
 * their `id`.
 */
export const topProducts = async (resource, filter, { limit = 10, ...options } = {}) => {
  const { name, id } = PRODUCTS_BY[resource];
  const named = await topBuckets(resource, name, filter, { ...options, limit });
  if (named.length >= limit) return named;
  const breakdown = { by: name, field: `${resource === 'events' ? 'event' : 'order'}.id`, operator: 'value_count', limit: 1 };
  const all = await topBuckets(resource, id, filter, { ...options, limit, breakdown });
  const unnamed = all.filter((bucket) => !bucket[name].length).map(({ label, value }) => ({ label: labelOfId(label), value, id: label }));
  return [...named, ...unnamed].sort((a, b) => b.value - a.value).slice(0, limit);
};

/** Returns the sums of the amounts in the buckets of a field, largest first; with the operator `stats` each as `{ count, sum }`. */
export const topAmounts = (by, filter, options = {}) => topBuckets('orders', by, filter, { field: AMOUNT, operator: 'sum', limit: 100, ...options });
