// The queries about visits, events and customers: their filters, and tables by one attribute with visits, orders and revenue.
//
// Sums over currencies are never asked for: amounts are those of the selected currency.

import { query } from '/reports/api.js';
import { OTHERS } from '/reports/columns.js';
import { dateFilter } from '/reports/period.js';
import { ofProduct } from '/reports/product-names.js';
import { among, countRecords, ordersInCurrency, placedOrders, revenueStats, sourceFilter, topAmounts, topBuckets, topProducts } from '/reports/queries.js';

/** How many rows a table shows; a last row adds up the others. */
const MAX_ROWS = 12;
/** How many rows a table of orders shows. */
const MAX_ORDER_ROWS = 100;
/** How many labels a table of customers has. */
const MAX_LABELS = 100;
/** The events that show a page. */
const VIEWING_TYPES = ['page_view', 'product_view', 'category_view', 'article_view', 'search'];
/** Of how many pages with the most views the visits are counted: of the first ones, and of the others only if these can have more visits. */
const COUNTED_PAGES = { first: 16, all: 100 };

const withoutUndefined = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

/** The filter of an order, a visit or an event by the parts of the form that it has. */
const shared = (filters) => ({ market: among('ids', filters.market), source: sourceFilter(filters), device: among('types', filters.device) });

/** Filters visits that began in the period; `conditions` are further conditions of the visit. */
export const visits = (filters, conditions = {}) =>
  withoutUndefined({ visit: { ...dateFilter(filters), date_field: 'started_at', ...conditions }, ...shared(filters) });

/** Filters events of people in the period; `conditions` are further conditions of the event. */
export const events = (filters, conditions = {}) =>
  withoutUndefined({ event: { ...dateFilter(filters), date_field: 'time', is_bot: false, ...conditions }, ...shared(filters), product: ofProduct(filters.product, 'ids') });

/** Filters customers by one of their dates. */
export const customers = (filters, date_field, conditions = {}) =>
  withoutUndefined({ customer: { ...dateFilter(filters), date_field, ...conditions }, first_source: sourceFilter(filters) });

const stats = (resource, field, operator, filter) => query(resource, 'stats', { field, operator }, filter).then(({ value }) => value ?? 0);

export const countVisits = (filters, conditions) => stats('visits', 'visit.id', 'value_count', visits(filters, conditions));
/** Visitors are counted by person where that is possible, else by visitor id. */
export const countVisitors = (filters) => stats('visits', 'visitor.id', 'cardinality', visits(filters));
export const sumOfVisits = (filters, field) => stats('visits', `visit.${field}`, 'sum', visits(filters));
export const averageDuration = (filters) => stats('visits', 'visit.duration_seconds', 'avg', visits(filters));

const buckets = async (resource, by, filter, field, operator, limit = MAX_ROWS) => topBuckets(resource, by, filter, { field, operator, limit });

const NO_AMOUNTS = { count: 0, sum: 0 };

/** Returns the sum of amounts `{ count, sum }`; null if there are none. */
export const toAmount = ({ count, sum }) => (count ? sum : null);

const without = (total, cells) => Math.round(100 * cells.reduce((rest, cell) => rest - (cell ?? 0), total ?? 0)) / 100;

/** Adds a row for what is beyond the shown rows or has no value, if there is anything. Totals and cells are numbers, or amounts `{ count, sum }`. */
export const withOthers = (rows, totals) => {
  const others = totals.map((total, at) => {
    const cells = rows.map((row) => row[at + 1]);
    if (typeof total === 'number') return without(total, cells);
    return { count: without(total.count, cells.map(({ count }) => count)), sum: without(total.sum, cells.map(({ sum }) => sum)) };
  });
  return others[0] > 0 ? [...rows, [OTHERS, ...others]] : rows;
};

/** Restricts a filter to the labels of an attribute: those of `source.campaign` are named by `source: { campaigns }`, of `search.query` by `queries`. */
const withLabels = (filter = {}, by, labels) => {
  const [first, ...rest] = by.split('.');
  if (!rest.length) return { ...filter, [`${first.replace(/y$/, 'ie')}s`]: { in: labels } };
  return { ...filter, [first]: withLabels(filter[first], rest.join('.'), labels) };
};

/** Returns rows `[label, orders, revenue]` of orders by an attribute, and a row for all others. Orders without an amount in the currency have no revenue. */
export const ordersBy = async (filters, by) => {
  const filter = placedOrders(filters);
  const [counts, ...totals] = await Promise.all([topBuckets('orders', by, filter, { limit: MAX_ORDER_ROWS }), countRecords('orders', filter), revenueStats(filters)]);
  const labels = counts.map(({ label }) => label);
  const amounts = labels.length ? await topAmounts(by, withLabels(ordersInCurrency(filters), by, labels), { operator: 'stats' }) : [];
  const amountsOf = new Map(amounts.map(({ label, value }) => [label, value]));
  const rows = counts.map(({ label, value }) => [label, value, amountsOf.get(label) ?? NO_AMOUNTS]);
  return withOthers(rows, totals).map(([label, orders, amounts]) => [label, orders, toAmount(amounts)]);
};

/**
 * Returns rows `[label, visits, orders, revenue, revenue of a visit, conversion]` of visits by an attribute, and a row for all others. Orders without
 * an amount in the currency have no revenue.
 */
export const visitsBy = async (filters, by) => {
  const inCurrency = visits(filters, among('currency_codes', filters.currency));
  const inOrdered = visits(filters, { ordered: true });
  const [counts, ...totals] = await Promise.all([
    buckets('visits', by, visits(filters), 'visit.id', 'value_count'), countVisits(filters), stats('visits', 'visit.orders_count', 'sum', inOrdered),
    stats('visits', 'visit.revenue', 'stats', inCurrency),
  ]);
  const labels = counts.map(({ label }) => label);
  // The labels with the most visits need not be among those with the most orders.
  const [orders, revenue] = labels.length ? await Promise.all([
    buckets('visits', by, withLabels(inOrdered, by, labels), 'visit.orders_count', 'sum'),
    buckets('visits', by, withLabels(inCurrency, by, labels), 'visit.revenue', 'stats'),
  ]) : [[], []];
  const [ordersOf, revenueOf] = [orders, revenue].map((found) => new Map(found.map(({ label, value }) => [label, value])));
  const rows = counts.map(({ label, value }) => [label, value, ordersOf.get(label) ?? 0, revenueOf.get(label) ?? NO_AMOUNTS]);
  return withOthers(rows, totals).map(([label, count, ordered, amounts]) => {
    const amount = ordered ? toAmount(amounts) : 0;
    return [label, count, ordered, amount, amount === null ? null : amount / count, ordered / count];
  });
};

/** Returns a map from each of the labels of an attribute to its number of visits with such events. */
const visitsOfLabels = async (filter, by, labels) => {
  const found = labels.length ? await buckets('events', by, withLabels(filter, by, labels), 'visit.id', 'cardinality', labels.length) : [];
  return new Map(found.map(({ label, value }) => [label, value]));
};

/** Returns rows `[label, events, visits]` of events by an attribute. */
const eventsBy = async (filters, by, conditions) => {
  const filter = events(filters, conditions);
  const counts = await buckets('events', by, filter, 'event.id', 'value_count');
  // Counting the visits of all labels would take several times as long.
  const visitsOf = await visitsOfLabels(filter, by, counts.map(({ label }) => label));
  return counts.map(({ label, value }) => [label, value, visitsOf.get(label) ?? null]);
};

/** Returns a map from each of the products with the most events of these types to its number of visits with one. */
export const visitsOfProducts = async (filters, types, limit) => {
  const filter = events(filters, { types: { in: types } });
  const products = await topProducts('events', filter, { field: 'event.id', limit });
  const hasName = ({ id }) => id === undefined;
  const [byName, byId] = await Promise.all([
    visitsOfLabels(filter, 'product.name', products.filter(hasName).map(({ label }) => label)),
    visitsOfLabels(filter, 'product.id', products.filter((product) => !hasName(product)).map(({ id }) => id)),
  ]);
  return new Map(products.map((product) => [product.label, (hasName(product) ? byName.get(product.label) : byId.get(product.id)) ?? 0]));
};

/** Returns rows `[path, visits]` of the pages that the most visits viewed. A page counts once for a visit, however many events report it. */
export const viewedPages = async (filters) => {
  const filter = events(filters, { types: { in: VIEWING_TYPES } });
  const views = await buckets('events', 'page.path', filter, 'event.id', 'value_count', COUNTED_PAGES.all);
  const count = async (pages) => [...(await visitsOfLabels(filter, 'page.path', pages.map(({ label }) => label)))];
  const [first, others] = [views.slice(0, COUNTED_PAGES.first), views.slice(COUNTED_PAGES.first)];
  const best = (rows) => rows.sort((a, b) => b[1] - a[1]).slice(0, MAX_ROWS);
  const rows = best(await count(first));
  // A page has at most as many visits as views, and the pages are in the order of their views.
  return others.length && others[0].value > rows.at(-1)[1] ? best([...rows, ...(await count(others))]) : rows;
};

/** Returns rows `[term, searches, visits, visits with an order]` of what visitors searched for. */
export const searches = async (filters) => {
  const conditions = { types: { in: ['search'] } };
  const rows = await eventsBy(filters, 'search.query', conditions);
  const orderedOf = await visitsOfLabels({ ...events(filters, conditions), visit: { ordered: true } }, 'search.query', rows.map(([term]) => term));
  return rows.map((row) => [...row, orderedOf.get(row[0]) ?? 0]);
};

/** What an operator returns for no customers. */
const NO_CUSTOMERS = { value_count: 0, stats: NO_AMOUNTS, avg: null };

/**
 * Returns rows `[label, customers, more numbers]` of customers by an attribute; `more` are triples of conditions, field and operator. A label without
 * any customer that matches has a count of 0, and no amount.
 */
export const customersBy = async (filters, by, date_field, more) => {
  const counts = await buckets('customers', by, customers(filters, date_field), 'customer.email', 'value_count', MAX_LABELS);
  const labels = counts.map(({ label }) => label);
  const lookUp = async ([conditions, field, operator]) => {
    // The labels with the most customers need not be among those with the most revenue.
    const filter = withLabels(customers(filters, date_field, conditions), by, labels);
    const found = labels.length ? await buckets('customers', by, filter, field, operator, MAX_LABELS) : [];
    const valueOf = new Map(found.map(({ label, value }) => [label, value]));
    return (label) => valueOf.get(label) ?? NO_CUSTOMERS[operator];
  };
  const lookups = await Promise.all(more.map(lookUp));
  return counts.map(({ label, value }) => [label, value, ...lookups.map((valueOf) => valueOf(label))]);
};

/** Returns the rows of `customersBy`, and a row for all other customers. */
export const customersByWithOthers = async (filters, by, date_field, more) => {
  const totals = [[{}, 'customer.email', 'value_count'], ...more].map(([conditions, field, operator]) => stats('customers', field, operator, customers(filters, date_field, conditions)));
  const [rows, ...loaded] = await Promise.all([customersBy(filters, by, date_field, more), ...totals]);
  return withOthers(rows, loaded);
};
