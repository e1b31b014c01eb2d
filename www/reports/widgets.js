// The widgets of the reports: the queries of each and the table that it makes of the responses.
//
// A widget is `{ id, title, note?, load }`. `load(filters)` returns a table's `columns` and `rows`; with `chart` it is drawn as a chart too. All
// numbers come from the metrics API. Where the API has no exact number, the widget's note describes the difference.

import { coarseInterval, intervalStarts, maxPeriodDays } from '/reports/period.js';
import * as queries from '/reports/queries.js';

const INTERVAL_TITLES = { day: 'Day', week: 'Week', month: 'Month', year: 'Year' };

const intervalColumn = (length) => ({ title: INTERVAL_TITLES[length], kind: 'interval', length });
const textColumn = (title) => ({ title, kind: 'text' });
const countColumn = (title) => ({ title, kind: 'count' });
const moneyColumn = (title, { currency }) => ({ title, kind: 'money', currency });

/** Returns a row `[label, count, amount]` for each bucket of `counts`, with the amount of the bucket of the same label. */
const joinAmounts = (counts, amounts) => {
  const amountOf = new Map(amounts.map(({ label, value }) => [label, value]));
  return counts.map(({ label, value }) => [label, value, amountOf.get(label) ?? null]);
};
const bucketRows = (buckets) => buckets.map(({ label, value }) => [label, value]);

const revenue = {
  id: 'revenue',
  title: 'Revenue',
  load: async (filters) => ({
    columns: [intervalColumn(filters.interval), moneyColumn('Revenue', filters)],
    rows: await queries.amountSeries(filters, { filter: queries.ordersInCurrency(filters) }),
    chart: ['--chart-a'],
  }),
};

const orders = {
  id: 'orders',
  title: 'Orders',
  load: async (filters) => ({
    columns: [intervalColumn(filters.interval), countColumn('Orders')],
    rows: await queries.timeSeries(filters, { filter: queries.placedOrders(filters) }),
    chart: ['--chart-b'],
  }),
};

const funnel = {
  id: 'funnel',
  title: 'Purchase funnel',
  note: 'The metrics API has carts and orders but no page views, so the funnel begins with the cart. Page views are in the live view and the export.',
  load: async (filters) => {
    const [open, identified, placed, completed] = await Promise.all([
      queries.countRecords('carts', queries.carts(filters, 'created_at')),
      queries.countRecords('carts', queries.carts(filters, 'created_at', { statuses: { in: ['pending'] } })),
      queries.countRecords('orders', queries.allOrders(filters)),
      queries.countRecords('orders', queries.placedOrders(filters, { returned: false })),
    ]);
    const steps = [['Cart filled', open + placed], ['Customer identified', identified + placed], ['Ordered', placed], ['Neither cancelled nor returned', completed]];
    const total = steps[0][1];
    return {
      columns: [textColumn('Step'), countColumn('Carts'), { title: 'Share', kind: 'share' }],
      rows: total ? steps.map(([step, count]) => [step, count, count / total]) : [],
      barColumn: 1,
    };
  },
};

const abandoned = {
  id: 'abandoned',
  title: 'Abandoned carts',
  note: 'Carts without an order, by the day of their last change, an hour ago or longer. Their value includes carts of the selected currency only.',
  load: async (filters) => {
    const columns = [intervalColumn(filters.interval), countColumn('Carts'), moneyColumn('Value', filters)];
    const filter = queries.abandonedCarts(filters);
    if (!filter) return { columns, rows: [] };
    const options = { resource: 'carts', by: 'order.updated_at' };
    const [counts, values] = await Promise.all([
      queries.timeSeries(filters, { ...options, filter }),
      queries.amountSeries(filters, { ...options, filter: queries.inCurrency(filter, filters) }),
    ]);
    return { columns, rows: counts.map(([start, count], at) => [start, count, values[at][1]]), chart: ['--chart-c'] };
  },
};

const abandonedProducts = {
  id: 'abandoned-products',
  title: 'Products in abandoned carts',
  load: async (filters) => {
    const filter = queries.abandonedCarts(filters);
    const buckets = filter ? await queries.topBuckets('carts', 'line_items.name', filter) : [];
    return { columns: [textColumn('Product'), countColumn('Carts')], rows: bucketRows(buckets), barColumn: 1 };
  },
};

const products = {
  id: 'products',
  title: 'Top products',
  load: async (filters) => {
    const [counts, amounts] = await Promise.all([
      queries.topBuckets('orders', 'line_items.name', queries.productLines(queries.placedOrders(filters)), { field: 'line_items.quantity', operator: 'sum' }),
      queries.topAmounts('line_items.name', queries.productLines(queries.ordersInCurrency(filters)), 'line_items.total_amount'),
    ]);
    return { columns: [textColumn('Product'), countColumn('Sold'), moneyColumn('Revenue', filters)], rows: joinAmounts(counts, amounts), barColumn: 1 };
  },
};

/** Returns the number of customers with an order from `start` to the end of `day`. */
const customersUntil = (filters, start, day) => (day < start ? 0 : queries.countCustomers(queries.placedOrders({ ...filters, from: start, to: day })));

const customers = {
  id: 'customers',
  title: 'New and returning customers',
  note: 'Customers with an e-mail. A new customer has no earlier order within the five years that one query covers.',
  load: async (filters) => {
    const length = coarseInterval(filters);
    const starts = intervalStarts(filters, length);
    const earliest = filters.to - maxPeriodDays + 1;
    const ends = [filters.from - 1, ...starts.slice(1).map((start) => start - 1), filters.to];
    const [active, ...totals] = await Promise.all([
      queries.timeSeries(filters, { field: 'customer.email', operator: 'cardinality', filter: queries.placedOrders(filters), interval: length }),
      ...ends.map((day) => customersUntil(filters, earliest, day)),
    ]);
    const rows = active.map(([start, count], at) => {
      const added = totals[at + 1] - totals[at];
      return [start, added, count - added];
    });
    return { columns: [intervalColumn(length), countColumn('New'), countColumn('Returning')], rows, chart: ['--chart-a', '--chart-b'], isStacked: true };
  },
};

const markets = {
  id: 'markets',
  title: 'Markets',
  load: async (filters) => {
    const breakdown = { by: 'order.currency_code', field: 'order.total_amount_with_taxes', operator: 'sum', limit: 10 };
    const buckets = await queries.topBuckets('orders', 'market.name', queries.placedOrders(filters), { limit: 20, breakdown });
    const currencies = [...new Set(buckets.flatMap((market) => market['order.currency_code'].map(({ label }) => label)))];
    const amountIn = (market, currency) => market['order.currency_code'].find(({ label }) => label === currency)?.value ?? null;
    return {
      columns: [textColumn('Market'), countColumn('Orders'), ...currencies.map((currency) => moneyColumn('Revenue', { currency }))],
      rows: buckets.map((market) => [market.label, market.value, ...currencies.map((currency) => amountIn(market, currency))]),
      barColumn: 1,
    };
  },
};

const coupons = {
  id: 'coupons',
  title: 'Coupon codes',
  load: async (filters) => {
    const [counts, amounts] = await Promise.all([
      queries.topBuckets('orders', 'order.coupon_code', queries.placedOrders(filters)),
      queries.topAmounts('order.coupon_code', queries.ordersInCurrency(filters)),
    ]);
    return { columns: [textColumn('Code'), countColumn('Orders'), moneyColumn('Revenue', filters)], rows: joinAmounts(counts, amounts), barColumn: 1 };
  },
};

const statuses = {
  id: 'statuses',
  title: 'Orders by status',
  load: async (filters) => {
    const buckets = await queries.topBuckets('orders', 'order.status', queries.allOrders(filters));
    return { columns: [textColumn('Status'), countColumn('Orders')], rows: bucketRows(buckets), barColumn: 1 };
  },
};

export const WIDGETS = [revenue, orders, customers, abandoned, funnel, statuses, products, abandonedProducts, markets, coupons];
