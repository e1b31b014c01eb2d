// The key figures of the period and of the previous period, for each part of the reports.

import { applicable, OF_CARTS, OF_ORDERS, OF_RETURNS, OF_VISITS } from '/reports/columns.js';
import { dateFilter } from '/reports/period.js';
import * as queries from '/reports/queries.js';
import * as tracking from '/reports/tracking-queries.js';

const countAbandonedCarts = (filters) => {
  const filter = queries.abandonedCarts(filters);
  return filter ? queries.countRecords('carts', filter) : 0;
};

const countOrders = (filters) => queries.countRecords('orders', queries.placedOrders(filters));

/** A figure of the amounts; null if there are orders, and none has an amount in the currency. */
const ofRevenue = (name) => async (filters) => {
  const [stats, orders] = await Promise.all([queries.revenueStats(filters), countOrders(filters)]);
  return orders && !stats.count ? null : (stats[name] ?? 0);
};
const shareOfVisits = (conditions) => async (filters) => {
  const [some, all] = await Promise.all([tracking.countVisits(filters, conditions), tracking.countVisits(filters)]);
  return all ? some / all : 0;
};

/** A figure: its title and kind, how to load it, and the filters that it applies. */
const figure = (title, kind, load, uses) => ({ title, kind, load, uses });

const REVENUE = figure('Revenue', 'money', ofRevenue('sum'), OF_ORDERS);
const ORDERS = figure('Orders', 'count', countOrders, OF_ORDERS);
const AVERAGE = figure('Average order', 'money', ofRevenue('avg'), OF_ORDERS);
const CUSTOMERS = figure('Customers', 'count', (filters) => queries.countCustomers(queries.placedOrders(filters)), OF_ORDERS);
const RETURNS = figure('Returns', 'count', (filters) => queries.countRecords('returns', queries.returns(filters), 'return.id'), OF_RETURNS);
const CARTS = figure('Abandoned carts', 'count', countAbandonedCarts, OF_CARTS);
const VISITS = figure('Visits', 'count', (filters) => tracking.countVisits(filters), OF_VISITS);
const NEW_CUSTOMERS = figure('New customers', 'count', (filters) => queries.countCustomers(queries.firstOrders(filters)), OF_ORDERS);

/** The figures of each part. */
const FIGURES = {
  overview: [REVENUE, ORDERS, AVERAGE, CUSTOMERS, RETURNS, CARTS],
  traffic: [
    VISITS,
    figure('Visitors', 'count', tracking.countVisitors, OF_VISITS),
    figure('Page views', 'count', (filters) => tracking.sumOfVisits(filters, 'pages_count'), OF_VISITS),
    figure('Bounces', 'share', shareOfVisits({ is_bounce: true }), OF_VISITS),
    figure('Minutes on average', 'seconds', tracking.averageDuration, OF_VISITS),
    figure('Visits with an order', 'share', shareOfVisits({ ordered: true }), OF_VISITS),
  ],
  products: [REVENUE, ORDERS, AVERAGE, VISITS, RETURNS, CARTS],
  customers: [CUSTOMERS, NEW_CUSTOMERS, ORDERS, REVENUE, AVERAGE, RETURNS],
};

/** Returns a table of the key figures, the figures, and `previousDates`, the API's date filter of the previous period. */
export const loadSummary = async (part, filters) => {
  const previous = queries.withPreviousPeriod(filters);
  const figures = FIGURES[part];
  const rows = await Promise.all(figures.map(async ({ title, load, uses }) => [title, ...(await Promise.all([filters, previous].map((chosen) => load(applicable(chosen, uses)))))]));
  return {
    columns: [{ title: 'Number', kind: 'text' }, { title: 'This period', kind: 'any' }, { title: 'Previous period', kind: 'any' }],
    rows,
    figures,
    previousDates: dateFilter(previous),
  };
};
