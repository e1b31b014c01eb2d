// The widgets of orders and carts: the queries of each and the table that it makes of the responses.
//
// A widget is `{ id, title, note?, nothing?, isWide?, uses, load }`. `uses` names the filters that it applies beside the period, and `nothing` is
// its text without data. `load(filters)` returns a table's `columns` and `rows`; with `chart` it is drawn as a chart too. All numbers come from
// the metrics API. Where the API has no exact number, the widget's note describes the difference.

import { countColumn, intervalColumn, moneyColumn, OF_CARTS, OF_ORDERS, shareColumn, textColumn } from '/reports/columns.js';
import * as queries from '/reports/queries.js';
import { ordersBy, toAmount, withOthers } from '/reports/tracking-queries.js';

const MAX_CURRENCIES = 30;

/** Returns a row `[label, count, amount]` for each bucket of `counts`, with the amount of the bucket of the same label. */
const joinAmounts = (counts, amounts) => {
  const amountOf = new Map(amounts.map(({ label, value }) => [label, value]));
  return counts.map(({ label, value }) => [label, value, amountOf.get(label) ?? null]);
};
const bucketRows = (buckets) => buckets.map(({ label, value }) => [label, value]);

const revenue = {
  id: 'revenue',
  title: 'Revenue',
  uses: OF_ORDERS,
  load: async (filters) => ({
    columns: [intervalColumn(filters.interval), moneyColumn('Revenue', filters)],
    rows: await queries.amountSeries(filters, { filter: queries.ordersInCurrency(filters) }),
    chart: ['--chart-a'],
  }),
};

const orders = {
  id: 'orders',
  uses: OF_ORDERS,
  title: 'Orders',
  load: async (filters) => ({
    columns: [intervalColumn(filters.interval), countColumn('Orders')],
    rows: await queries.timeSeries(filters, { filter: queries.placedOrders(filters) }),
    chart: ['--chart-b'],
  }),
};

const funnel = {
  id: 'funnel',
  uses: OF_CARTS,
  title: 'From the cart to the order',
  note: 'Carts and orders of pages, the back end and imports. “From the visit to the order” counts visits instead.',
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
      columns: [textColumn('Step'), countColumn('Carts'), shareColumn('Share')],
      rows: total ? steps.map(([step, count]) => [step, count, count / total]) : [],
      barColumn: 1,
    };
  },
};

const abandoned = {
  id: 'abandoned',
  uses: OF_CARTS,
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
  uses: OF_CARTS,
  title: 'Products in abandoned carts',
  load: async (filters) => {
    const filter = queries.abandonedCarts(filters);
    const buckets = filter ? await queries.topProducts('carts', filter) : [];
    return { columns: [textColumn('Product', 'product'), countColumn('Carts')], rows: bucketRows(buckets), barColumn: 1 };
  },
};

const products = {
  id: 'products',
  uses: OF_ORDERS,
  title: 'Top products',
  load: async (filters) => {
    const [counts, amounts] = await Promise.all([
      queries.topProducts('orders', queries.productLines(queries.placedOrders(filters)), { field: 'line_items.quantity', operator: 'sum' }),
      queries.topProducts('orders', queries.productLines(queries.ordersInCurrency(filters)), { field: 'line_items.total_amount', operator: 'sum', limit: 100 }),
    ]);
    return { columns: [textColumn('Product', 'product'), countColumn('Sold'), moneyColumn('Revenue', filters)], rows: joinAmounts(counts, amounts), barColumn: 1 };
  },
};

const customers = {
  id: 'customers',
  uses: OF_ORDERS,
  title: 'New and returning customers',
  isWide: true,
  note: 'Customers with an e-mail. A new customer places the first order in the interval.',
  load: async (filters) => {
    const count = (filter) => queries.timeSeries(filters, { field: 'customer.email', operator: 'cardinality', filter });
    const [all, added] = await Promise.all([count(queries.placedOrders(filters)), count(queries.firstOrders(filters))]);
    return {
      columns: [intervalColumn(filters.interval), countColumn('New'), countColumn('Returning')],
      rows: all.map(([start, number], at) => [start, added[at][1], number - added[at][1]]),
      chart: ['--chart-a', '--chart-b'],
      isStacked: true,
    };
  },
};

const markets = {
  id: 'markets',
  uses: OF_ORDERS,
  title: 'Markets',
  nothing: 'No order of this period names a market.',
  load: async (filters) => {
    const filter = queries.placedOrders(filters);
    const breakdown = { by: 'order.currency_code', field: 'order.total_amount_with_taxes', operator: 'stats', limit: MAX_CURRENCIES };
    const [buckets, count, totals] = await Promise.all([
      queries.topBuckets('orders', 'market.name', filter, { limit: 20, breakdown }), queries.countRecords('orders', filter),
      queries.topAmounts('order.currency_code', filter, { operator: 'stats', limit: MAX_CURRENCIES }),
    ]);
    totals.sort((a, b) => b.value.count - a.value.count);
    const currencies = totals.map(({ label }) => label);
    const amountsIn = (market, currency) => market['order.currency_code'].find(({ label }) => label === currency)?.value ?? { count: 0, sum: 0 };
    const rows = buckets.map((market) => [market.label, market.value, ...currencies.map((currency) => amountsIn(market, currency))]);
    return {
      columns: [textColumn('Market'), countColumn('Orders'), ...currencies.map((currency) => moneyColumn('Revenue', { currency }))],
      rows: withOthers(rows, [count, ...totals.map(({ value }) => value)]).map(([label, orders, ...amounts]) => [label, orders, ...amounts.map(toAmount)]),
      barColumn: 1,
    };
  },
};

const coupons = {
  id: 'coupons',
  uses: OF_ORDERS,
  title: 'Coupon codes',
  nothing: 'No order of this period has a coupon code.',
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
  uses: OF_ORDERS,
  title: 'Orders by status',
  load: async (filters) => {
    const buckets = await queries.topBuckets('orders', 'order.status', queries.allOrders(filters));
    return { columns: [textColumn('Status'), countColumn('Orders')], rows: bucketRows(buckets), barColumn: 1 };
  },
};

/** Orders by what led to them. */
const touches = (id, title, [column, filter], by, note) => ({
  id,
  title,
  note,
  uses: OF_ORDERS,
  load: async (filters) => ({
    columns: [textColumn(column, filter), countColumn('Orders'), moneyColumn('Revenue', filters)],
    rows: await ordersBy(filters, by),
    barColumn: 1,
  }),
});

const LAST = 'The latest visit before the order that was not direct, within 30 days, on any device of the person.';
const FIRST = 'The first visit of the person, on any device.';
const REST = 'The last row has the orders without a campaign, and those of all campaigns after the first hundred.';

export const TOUCHES = [
  touches('last-channels', 'Orders by channel of the last touch', ['Channel', 'channel'], 'attribution.last.channel', LAST),
  touches('last-sources', 'Orders by source of the last touch', ['Source', 'source'], 'attribution.last.name', LAST),
  touches('last-campaigns', 'Orders by campaign of the last touch', ['Campaign', 'campaign'], 'attribution.last.campaign', `${LAST} ${REST}`),
  touches('first-channels-of-orders', 'Orders by channel of the first touch', ['Channel'], 'attribution.first.channel', FIRST),
  touches('first-campaigns-of-orders', 'Orders by campaign of the first touch', ['Campaign'], 'attribution.first.campaign', `${FIRST} ${REST}`),
];

export { abandoned, abandonedProducts, coupons, customers, funnel, markets, orders, products, revenue, statuses };
