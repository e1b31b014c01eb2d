// What the figures ask: the filters that they share, and answers made into rows.
//
// A choice is `{ from, to, interval, market, currency }`. Money of different currencies is never added, so whoever asks for money asks in
// one currency; what is counted is counted in all.

import { ask } from '/reports/api.js';
import { before, dayOfMoment, intervals, moments } from '/reports/period.js';

const AMOUNT = 'order.total_amount_with_taxes';
/** Shipping and the like stand among an order's line items too. */
const GOODS = { types: { in: ['skus', 'bundles'] } };

const prune = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
const inCurrency = ({ currency }) => ({ currency_codes: { in: [currency] } });
const ofMarket = ({ market }) => (market ? { ids: { in: [market] } } : undefined);

/** Shop systems write it both ways. */
const CANCELLED = ['cancelled', 'canceled'];

/** Orders that were placed in the period and not cancelled; `more` says what else must hold of them. */
export const placed = (choice, more = {}) =>
  prune({ order: { ...moments(choice), date_field: 'placed_at', statuses: { not_in: CANCELLED }, ...more }, market: ofMarket(choice) });

/** The same, cancelled ones included. */
export const everPlaced = (choice) => prune({ order: { ...moments(choice), date_field: 'placed_at' }, market: ofMarket(choice) });

export const paid = (choice) => placed(choice, inCurrency(choice));

/** Baskets by a date of theirs. */
export const baskets = (choice, date_field, more = {}) => prune({ order: { ...moments(choice), date_field, ...more }, market: ofMarket(choice) });

export const returned = (choice) => prune({ return: { ...moments(choice), date_field: 'created_at' }, market: ofMarket(choice) });

export const goods = (filter) => ({ ...filter, line_items: GOODS });

export const countOf = (resource, filter, field = 'order.id') => ask(resource, 'stats', { field, operator: 'value_count' }, filter).then(({ value }) => value);

export const customersOf = (filter) => ask('orders', 'stats', { field: 'customer.email', operator: 'cardinality' }, filter).then(({ value }) => value);

/** `{ count, sum, avg }` of what was earned. */
export const earned = (choice) => ask('orders', 'stats', { field: AMOUNT, operator: 'stats' }, paid(choice)).then(({ value }) => value);

export const earlier = (choice) => ({ ...choice, ...before(choice) });

/** A row `[first day, value]` for each interval of the period. */
export const series = async (choice, { resource = 'orders', by = 'order.placed_at', field = 'order.id', operator = 'value_count', filter, interval = choice.interval }) => {
  const answer = await ask(resource, 'date_breakdown', { by, field, operator, interval }, filter);
  const values = new Map(answer.map(({ date, value }) => [dayOfMoment(date), value]));
  return intervals(choice, interval).map((first) => [first, values.get(first) ?? 0]);
};

export const amounts = (choice, options) => series(choice, { field: AMOUNT, operator: 'sum', ...options });

/** Buckets by a field, greatest first. */
export const top = async (resource, by, filter, { field = 'order.id', operator = 'value_count', limit = 10, breakdown } = {}) =>
  (await ask(resource, 'breakdown', prune({ by, field, operator, limit, breakdown }), filter))[by];

export const topAmounts = (by, filter, field = AMOUNT) => top('orders', by, filter, { field, operator: 'sum', limit: 100 });
