// The key figures of the period and of the previous period.

import { dateFilter } from '/reports/period.js';
import * as queries from '/reports/queries.js';

const countAbandonedCarts = (filters) => {
  const filter = queries.abandonedCarts(filters);
  return filter ? queries.countRecords('carts', filter) : 0;
};

/** Returns a table of the key figures, the kind of each, and `previousDates`, the API's date filter of the previous period. */
export const loadSummary = async (filters) => {
  const previous = queries.withPreviousPeriod(filters);
  const ofBoth = (load) => Promise.all([load(filters), load(previous)]);
  const [revenue, orders, customers, returns, carts] = await Promise.all([
    ofBoth(queries.revenueStats),
    ofBoth((filters) => queries.countRecords('orders', queries.placedOrders(filters))),
    ofBoth((filters) => queries.countCustomers(queries.placedOrders(filters))),
    ofBoth((filters) => queries.countRecords('returns', queries.returns(filters), 'return.id')),
    ofBoth(countAbandonedCarts),
  ]);
  const statistic = (name) => revenue.map((stats) => stats[name] ?? 0);
  return {
    columns: [{ title: 'Number', kind: 'text' }, { title: 'This period', kind: 'any' }, { title: 'Previous period', kind: 'any' }],
    rows: [
      ['Revenue', ...statistic('sum')],
      ['Orders', ...orders],
      ['Average order', ...statistic('avg')],
      ['Customers', ...customers],
      ['Returns', ...returns],
      ['Abandoned carts', ...carts],
    ],
    kinds: ['money', 'count', 'money', 'count', 'count', 'count'],
    previousDates: dateFilter(previous),
  };
};
