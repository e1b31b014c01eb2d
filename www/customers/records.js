// The figures, the carts, the orders and the returns of a person, from the metrics API.

import { search } from '/reports/api.js';
import { dateFilter, longestPeriod, maxPeriodDays } from '/reports/period.js';
import * as queries from '/reports/queries.js';

/** How many records a table shows. */
const MAX_ROWS = 100;
/** In how many periods, each as long as one query covers, the customer is searched: with five years, the last twenty. */
const MAX_PERIODS = 4;

const LINES = ['line_items.name', 'line_items.code', 'line_items.quantity'];

const ofPerson = (email, filter) => ({ ...filter, customer: { emails: { in: [email] } } });

const lines = (record, list = 'line_items', name = 'name', quantity = 'quantity') =>
  (record[list] ?? []).map((line) => `${line[quantity] ?? 1} × ${line[name] ?? line.code ?? '?'}`).join(', ');

const text = (title) => ({ title, kind: 'text' });
const AMOUNT = { title: 'Amount', kind: 'amount' };
const DATE = { kind: 'date' };

const amount = ({ total_amount_with_taxes: value, currency_code: currency }) => (value === undefined ? null : { value, currency });

const load = async (resource, email, filter, fields, sort_by, toRow) => {
  const { records, count } = await search(resource, { fields, limit: MAX_ROWS, sort: 'desc', sort_by }, ofPerson(email, filter));
  return { rows: records.map(toRow), count };
};

export const loadCarts = async (email) => ({
  columns: [{ ...DATE, title: 'Last change' }, AMOUNT, text('Products')],
  ...(await load('carts', email, queries.carts(longestPeriod(), 'updated_at'), ['order.updated_at', 'order.total_amount_with_taxes', 'order.currency_code', ...LINES],
    'order.updated_at', (cart) => [cart.updated_at, amount(cart), lines(cart)])),
});

export const loadOrders = async (email) => ({
  columns: [{ ...DATE, title: 'Placed' }, text('Order'), AMOUNT, text('Status'), text('Products')],
  ...(await load('orders', email, queries.allOrders(longestPeriod()),
    ['order.placed_at', 'order.number', 'order.status', 'order.total_amount_with_taxes', 'order.currency_code', ...LINES],
    'order.placed_at', (order) => [order.placed_at, order.number ?? order.id, amount(order), order.status, lines(order)])),
});

export const loadReturns = async (email) => ({
  columns: [{ ...DATE, title: 'Received' }, text('Order'), text('Products')],
  ...(await load('returns', email, queries.returns(longestPeriod()),
    ['return.created_at', 'return.order_id', 'return_line_items.line_item_name', 'return_line_items.line_item_code', 'return_line_items.quantity'],
    'return.created_at', (record) => [record.created_at, record.order_id, lines(record, 'return_line_items', 'line_item_name')])),
});

/** Returns the sum and the mean of the orders without one of the currencies, that is without any, as one bucket each; none without any amount. */
const loadWithoutCurrency = async (placed, currencies) => {
  const order = currencies.length ? { ...placed.order, currency_codes: { not_in: currencies } } : placed.order;
  const { count, sum, avg } = await queries.amountStats({ ...placed, order });
  return [sum, avg].map((value) => (count ? [{ value }] : []));
};

/** Returns the amounts of all placed orders by currency, the number of these orders, and the number of returns. */
export const loadFigures = async (email) => {
  const placed = ofPerson(email, queries.placedOrders(longestPeriod()));
  const [orders, returns, revenue, average] = await Promise.all([
    queries.countRecords('orders', placed),
    queries.countRecords('returns', ofPerson(email, queries.returns(longestPeriod())), 'return.id'),
    ...['sum', 'avg'].map((operator) => queries.topBuckets('orders', 'order.currency_code', placed, { field: 'order.total_amount_with_taxes', operator, limit: MAX_ROWS })),
  ]);
  const [sum, mean] = await loadWithoutCurrency(placed, revenue.map(({ label }) => label));
  return { orders, returns, revenue: [...revenue, ...sum], average: [...average, ...mean] };
};

/** Returns the names of the products in the person's events, by their ids. A product that is not in the catalogue has none. */
export const loadProductNames = async (email) => {
  const filter = ofPerson(email, { event: { ...dateFilter(longestPeriod()), date_field: 'time' } });
  const breakdown = { by: 'product.name', field: 'event.id', operator: 'value_count', limit: 1 };
  const products = await queries.topBuckets('events', 'product.id', filter, { field: 'event.id', limit: MAX_ROWS, breakdown });
  return new Map(products.filter((product) => product['product.name'].length).map((product) => [product.label, product['product.name'][0].label]));
};

/** Returns the record of the customer: names, dates and numbers of visits; null if there is none yet. Searches earlier periods for those not seen lately. */
export const loadCustomer = async (email) => {
  let { from, to } = longestPeriod();
  for (let periods = 0; periods < MAX_PERIODS; periods += 1) {
    const filter = { customer: { ...dateFilter({ from, to }), date_field: 'last_seen_at', emails: { in: [email] } } };
    const { records } = await search('customers', { fields: ['customer.*', 'first_source.*'], limit: 1, sort_by: 'customer.last_seen_at' }, filter);
    if (records.length) return records[0];
    [from, to] = [from - maxPeriodDays, from - 1];
  }
  return null;
};
