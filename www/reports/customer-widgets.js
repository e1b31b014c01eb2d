// The widgets about customers: the best of them, cohorts by the month of the first order, segments, where customers came from first, and what they
// bought first and later.

import { search } from '/reports/api.js';
import { countColumn, dateColumn, linkColumn, moneyColumn, OF_CUSTOMERS, OF_ORDERS, shareColumn, textColumn } from '/reports/columns.js';
import { formatMonth, formatSegment } from '/reports/format.js';
import { dateFilter, longestPeriod } from '/reports/period.js';
import * as queries from '/reports/queries.js';
import * as tracking from '/reports/tracking-queries.js';

/** How many products the tables have. */
const MAX_PRODUCTS = 100;
const SHOWN_CUSTOMERS = 12;
const NO_CAMPAIGN = 'No new customer of this period came first by a link with a campaign.';

const inCurrency = ({ currency }) => ({ currency_codes: { in: [currency] } });
const CAME_BACK = [{ orders_count: { gte: 2 } }, 'customer.email', 'value_count'];
const revenueOf = (filters) => [inCurrency(filters), 'customer.revenue', 'stats'];

const table = (first, filters) => [first, countColumn('Customers'), countColumn('Came back'), shareColumn('Share'), moneyColumn('Revenue', filters)];
const withShare = ([label, count, back, revenue]) => [label, count, back, back / count, tracking.toAmount(revenue)];
/** Which amounts are those of customers. */
const OF_FIRST_CURRENCY = 'Amounts are those of customers whose first order is in the chosen currency, without their orders in others.';

const cohorts = {
  id: 'cohorts',
  title: 'Cohorts by month of the first order',
  note: `Customers whose first order is in the period. “Came back” has two orders or more until today; revenue is that of all their orders. ${OF_FIRST_CURRENCY}`,
  isWide: true,
  uses: OF_CUSTOMERS,
  load: async (filters) => {
    const rows = await tracking.customersBy(filters, 'customer.cohort', 'first_order_at', [CAME_BACK, revenueOf(filters)]);
    return { columns: table(textColumn('First order in'), filters), rows: rows.sort((a, b) => (a[0] < b[0] ? -1 : 1)).map(([month, ...numbers]) => withShare([formatMonth(month), ...numbers])), barColumn: 1 };
  },
};

const segments = {
  id: 'segments',
  title: 'Segments of customers',
  note: `As of today, whatever the period: all customers with an order. Lost: no order for 180 days. At risk: none for 60 days. Champion: four orders and twice the mean revenue. Big spender: twice the mean revenue. Loyal: two orders. New: one order. ${OF_FIRST_CURRENCY}`,
  isAsOfToday: true,
  isWide: true,
  uses: OF_CUSTOMERS,
  load: async (filters) => {
    const average = [inCurrency(filters), 'customer.average_order', 'avg'];
    const rows = await tracking.customersBy(filters, 'customer.segment', 'last_order_at', [revenueOf(filters), average]);
    const addresses = new Map(rows.map(([segment]) => [formatSegment(segment), `/customers?${new URLSearchParams({ segment })}`]));
    const named = rows.map(([segment, count, revenue, mean]) => [formatSegment(segment), count, tracking.toAmount(revenue), mean]);
    return { columns: [linkColumn('Segment', (name) => addresses.get(name)), countColumn('Customers'), moneyColumn('Revenue', filters), moneyColumn('Average order', filters)], rows: named, barColumn: 1 };
  },
};

const best = {
  id: 'best-customers',
  title: 'Best customers',
  note: 'By the revenue of the orders in the period. The last order may be later.',
  isWide: true,
  uses: OF_ORDERS,
  load: async (filters) => {
    const paid = queries.ordersInCurrency(filters);
    const amounts = await queries.topAmounts('customer.email', paid, { limit: SHOWN_CUSTOMERS });
    const emails = { emails: { in: amounts.map(({ label }) => label) } };
    const columns = [linkColumn('Customer', (email) => `/customers/${encodeURIComponent(email)}`), countColumn('Orders'), moneyColumn('Revenue', filters), dateColumn('Last order')];
    if (!amounts.length) return { columns, rows: [] };
    const everything = { ...dateFilter(longestPeriod()), date_field: 'last_seen_at' };
    const [counts, { records }] = await Promise.all([
      queries.topBuckets('orders', 'customer.email', { ...queries.placedOrders(filters), customer: emails }, { limit: SHOWN_CUSTOMERS }),
      search('customers', { fields: ['customer.email', 'customer.last_order_at'], limit: SHOWN_CUSTOMERS, sort_by: 'customer.last_seen_at' }, { customer: { ...everything, ...emails } }),
    ]);
    const countOf = valuesOf(counts);
    const lastOf = new Map(records.map((customer) => [customer.email, customer.last_order_at]));
    return { columns, rows: amounts.map(({ label, value }) => [label, countOf.get(label) ?? 0, value, lastOf.get(label) ?? null]), barColumn: 2 };
  },
};

const firstSources = (id, title, column, by, nothing) => ({
  id,
  title,
  note: `The source of the first visit of customers whose first order is in the period. “Came back” has two orders or more until today. ${OF_FIRST_CURRENCY}`,
  nothing,
  uses: OF_CUSTOMERS,
  load: async (filters) => {
    const rows = await tracking.customersByWithOthers(filters, by, 'first_order_at', [CAME_BACK, revenueOf(filters)]);
    return { columns: table(column, filters), rows: rows.map(withShare), barColumn: 1 };
  },
});

const products = (filters, orders, measure, isInCurrency) => {
  const filter = queries.productLines(queries.ordersOfNewCustomers(filters, orders));
  return queries.topProducts('orders', isInCurrency ? queries.inCurrency(filter, filters) : filter, { ...measure, limit: MAX_PRODUCTS });
};
const CUSTOMERS_OF = { field: 'customer.email', operator: 'cardinality' };
const valuesOf = (buckets) => new Map(buckets.map(({ label, value }) => [label, value ?? 0]));

const firstProducts = {
  id: 'first-products',
  title: 'What new customers bought first',
  note: 'Customers whose first order is in the period, by the products of that order. “Came back” has two orders or more until today.',
  nothing: 'No first order with a product in this period. Choose a longer period.',
  uses: OF_ORDERS,
  load: async (filters) => {
    const [counts, returned] = await Promise.all([
      products(filters, { isFirst: true }, CUSTOMERS_OF),
      products(filters, { isFirst: true, orders_count: { gte: 2 } }, CUSTOMERS_OF),
    ]);
    const returnedOf = valuesOf(returned);
    return {
      columns: [textColumn('Product', 'product'), countColumn('Customers'), countColumn('Came back'), shareColumn('Share')],
      rows: counts.map(({ label, value }) => [label, value, returnedOf.get(label) ?? 0, (returnedOf.get(label) ?? 0) / value]),
      barColumn: 1,
    };
  },
};

const laterProducts = {
  id: 'later-products',
  title: 'What they came back for',
  note: 'The same customers: the products of their later orders until today.',
  nothing: 'None of the customers of this period has ordered again yet. Choose an earlier period.',
  uses: OF_ORDERS,
  load: async (filters) => {
    const [counts, orders, amounts] = await Promise.all([
      products(filters, { isFirst: false }, CUSTOMERS_OF),
      products(filters, { isFirst: false }, { field: 'order.id', operator: 'value_count' }),
      products(filters, { isFirst: false }, { field: 'line_items.total_amount', operator: 'sum' }, true),
    ]);
    const [ordersOf, amountOf] = [orders, amounts].map(valuesOf);
    return {
      columns: [textColumn('Product', 'product'), countColumn('Customers'), countColumn('Orders'), moneyColumn('Revenue', filters)],
      rows: counts.map(({ label, value }) => [label, value, ordersOf.get(label) ?? 0, amountOf.get(label) ?? null]),
      barColumn: 1,
    };
  },
};

export const CUSTOMERS = [
  firstSources('first-campaigns', 'Campaigns that brought customers', textColumn('Campaign', 'campaign'), 'first_source.campaign', NO_CAMPAIGN),
  firstSources('first-channels', 'Channels that brought customers', textColumn('Channel', 'channel'), 'first_source.channel'),
  firstProducts, laterProducts, best, cohorts, segments,
];
