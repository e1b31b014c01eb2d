// The widgets about customers: cohorts by the month of the first order, segments, and where customers came from first.

import { countColumn, moneyColumn, shareColumn, textColumn } from '/reports/columns.js';
import { formatSegment } from '/reports/format.js';
import * as tracking from '/reports/tracking-queries.js';

const inCurrency = ({ currency }) => ({ currency_codes: { in: [currency] } });
const CAME_BACK = [{ orders_count: { gte: 2 } }, 'customer.email', 'value_count'];
const revenueOf = (filters) => [inCurrency(filters), 'customer.revenue', 'sum'];

const table = (first, filters) => [textColumn(first), countColumn('Customers'), countColumn('Came back'), shareColumn('Share'), moneyColumn('Revenue', filters)];
const withShare = ([label, count, back, revenue]) => [label, count, back, back / count, revenue];

const cohorts = {
  id: 'cohorts',
  title: 'Cohorts by month of the first order',
  note: 'Customers whose first order is in the period. “Came back” has two orders or more until today; revenue is that of all their orders.',
  isWide: true,
  uses: ['channel'],
  load: async (filters) => {
    const rows = await tracking.customersBy(filters, 'customer.cohort', 'first_order_at', [CAME_BACK, revenueOf(filters)]);
    return { columns: table('First order in', filters), rows: rows.sort((a, b) => (a[0] < b[0] ? -1 : 1)).map(withShare), barColumn: 1 };
  },
};

const segments = {
  id: 'segments',
  title: 'Recency, frequency and money',
  note: 'Customers whose last order is in the period. Lost: no order for 180 days. At risk: none for 60 days. Champion: four orders and twice the mean revenue. Big spender: twice the mean revenue. Loyal: two orders. New: one order.',
  isWide: true,
  uses: ['channel'],
  load: async (filters) => {
    const average = [inCurrency(filters), 'customer.average_order', 'avg'];
    const rows = await tracking.customersBy(filters, 'customer.segment', 'last_order_at', [revenueOf(filters), average]);
    const named = rows.map(([segment, ...numbers]) => [formatSegment(segment), ...numbers]);
    return { columns: [textColumn('Segment'), countColumn('Customers'), moneyColumn('Revenue', filters), moneyColumn('Average order', filters)], rows: named, barColumn: 1 };
  },
};

const firstSources = (id, title, column, by) => ({
  id,
  title,
  note: 'The source of the first visit of customers whose first order is in the period. “Came back” has two orders or more until today.',
  uses: ['channel'],
  load: async (filters) => {
    const rows = await tracking.customersBy(filters, by, 'first_order_at', [CAME_BACK, revenueOf(filters)]);
    return { columns: table(column, filters), rows: rows.map(withShare), barColumn: 1 };
  },
});

export const CUSTOMERS = [
  cohorts, segments, firstSources('first-channels', 'Channels that brought customers', 'Channel', 'first_source.channel'),
  firstSources('first-campaigns', 'Campaigns that brought customers', 'Campaign', 'first_source.campaign'),
];
