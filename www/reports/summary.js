// The key figures of the period and of the previous period, for each part of the reports.

import { dateFilter } from '/reports/period.js';
import * as queries from '/reports/queries.js';
import * as tracking from '/reports/tracking-queries.js';

const countAbandonedCarts = (filters) => {
  const filter = queries.abandonedCarts(filters);
  return filter ? queries.countRecords('carts', filter) : 0;
};

const ofRevenue = (name) => async (filters) => (await queries.revenueStats(filters))[name] ?? 0;
const shareOfVisits = (conditions) => async (filters) => {
  const [some, all] = await Promise.all([tracking.countVisits(filters, conditions), tracking.countVisits(filters)]);
  return all ? some / all : 0;
};

const REVENUE = ['Revenue', 'money', ofRevenue('sum')];
const ORDERS = ['Orders', 'count', (filters) => queries.countRecords('orders', queries.placedOrders(filters))];
const AVERAGE = ['Average order', 'money', ofRevenue('avg')];
const CUSTOMERS = ['Customers', 'count', (filters) => queries.countCustomers(queries.placedOrders(filters))];
const RETURNS = ['Returns', 'count', (filters) => queries.countRecords('returns', queries.returns(filters), 'return.id')];
const CARTS = ['Abandoned carts', 'count', countAbandonedCarts];
const VISITS = ['Visits', 'count', (filters) => tracking.countVisits(filters)];
const NEW_CUSTOMERS = ['New customers', 'count', (filters) => tracking.countCustomers(filters, 'first_order_at')];

/** The figures of each part: title, kind, and how to load it. */
const FIGURES = {
  overview: [REVENUE, ORDERS, AVERAGE, CUSTOMERS, RETURNS, CARTS],
  traffic: [
    VISITS, ['Visitors', 'count', tracking.countVisitors], ['Page views', 'count', (filters) => tracking.sumOfVisits(filters, 'pages_count')],
    ['Bounces', 'share', shareOfVisits({ is_bounce: true })], ['Minutes on average', 'seconds', tracking.averageDuration], ['Visits with an order', 'share', shareOfVisits({ ordered: true })],
  ],
  products: [REVENUE, ORDERS, AVERAGE, VISITS, RETURNS, CARTS],
  customers: [CUSTOMERS, NEW_CUSTOMERS, ORDERS, REVENUE, AVERAGE, RETURNS],
};

/** Returns a table of the key figures, the kind of each, and `previousDates`, the API's date filter of the previous period. */
export const loadSummary = async (part, filters) => {
  const previous = queries.withPreviousPeriod(filters);
  const figures = FIGURES[part];
  const rows = await Promise.all(figures.map(async ([title, , load]) => [title, ...(await Promise.all([load(filters), load(previous)]))]));
  return {
    columns: [{ title: 'Number', kind: 'text' }, { title: 'This period', kind: 'any' }, { title: 'Previous period', kind: 'any' }],
    rows,
    kinds: figures.map(([, kind]) => kind),
    previousDates: dateFilter(previous),
  };
};
