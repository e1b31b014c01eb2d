// The figures: what each asks, and what it makes of the answers.
//
// A figure is `{ id, title, note?, load }`. `load(choice)` gives numbers for a table; with `chart` they are drawn too. Nothing is shown that
// the metrics API did not say: a figure that it cannot give is not made up, and its note says so.

import { few, FARTHEST, intervals, moments } from '/reports/period.js';
import * as questions from '/reports/questions.js';

const HOUR_MS = 3_600_000;

const time = (choice, length = choice.interval) => ({ title: { day: 'Day', week: 'Week', month: 'Month', year: 'Year' }[length], kind: 'interval', length });
const counted = (title) => ({ title, kind: 'count' });
const money = (title, { currency }) => ({ title, kind: 'money', currency });

const revenue = {
  id: 'revenue',
  title: 'Revenue',
  load: async (choice) => ({
    columns: [time(choice), money('Revenue', choice)],
    rows: await questions.amounts(choice, { filter: questions.paid(choice) }),
    chart: ['--chart-a'],
  }),
};

const orders = {
  id: 'orders',
  title: 'Orders',
  load: async (choice) => ({
    columns: [time(choice), counted('Orders')],
    rows: await questions.series(choice, { filter: questions.placed(choice) }),
    chart: ['--chart-b'],
  }),
};

const funnel = {
  id: 'funnel',
  title: 'From basket to order',
  note: 'The metrics API knows baskets and orders, and no page views: the funnel begins at the basket. Views are in the live view and the export.',
  load: async (choice) => {
    const filters = [{}, { statuses: { in: ['pending'] } }].map((more) => questions.baskets(choice, 'created_at', more));
    const [open, known, placed, kept] = await Promise.all([
      ...filters.map((filter) => questions.countOf('carts', filter)),
      questions.countOf('orders', questions.everPlaced(choice)),
      questions.countOf('orders', questions.placed(choice, { returned: false })),
    ]);
    const steps = [['Basket filled', open + placed], ['Buyer known', known + placed], ['Ordered', placed], ['Kept: neither cancelled nor returned', kept]];
    const first = steps[0][1];
    return {
      columns: [{ title: 'Step', kind: 'text' }, counted('Baskets'), { title: 'Of all', kind: 'share' }],
      rows: first ? steps.map(([step, number]) => [step, number, number / first]) : [],
      bars: 1,
    };
  },
};

/** Somebody may still be at it in a basket that was touched within the hour. */
const left = (choice) => {
  const filter = questions.baskets(choice, 'updated_at');
  const latest = `${new Date(Date.now() - HOUR_MS).toISOString().slice(0, 19)}Z`;
  if (filter.order.date_to > latest) filter.order.date_to = latest;
  return filter.order.date_from <= latest ? filter : null;
};

const abandoned = {
  id: 'abandoned',
  title: 'Abandoned baskets',
  note: 'Baskets that nobody ordered, by the day they were last touched, an hour ago or longer. Their value counts those of the chosen currency.',
  load: async (choice) => {
    const columns = [time(choice), counted('Baskets'), money('Value', choice)];
    const filter = left(choice);
    if (!filter) return { columns, rows: [] };
    const asked = { resource: 'carts', by: 'order.updated_at' };
    const inCurrency = { ...filter, order: { ...filter.order, currency_codes: { in: [choice.currency] } } };
    const [counts, values] = await Promise.all([questions.series(choice, { ...asked, filter }), questions.amounts(choice, { ...asked, filter: inCurrency })]);
    return { columns, rows: counts.map(([first, count], at) => [first, count, values[at][1]]), chart: ['--chart-c'] };
  },
};

const leftBehind = {
  id: 'left-behind',
  title: 'Most left behind',
  load: async (choice) => {
    const filter = left(choice);
    const found = filter ? await questions.top('carts', 'line_items.name', filter) : [];
    return { columns: [{ title: 'Product', kind: 'text' }, counted('Baskets')], rows: found.map(({ label, value }) => [label, value]), bars: 1 };
  },
};

const products = {
  id: 'products',
  title: 'Top products',
  load: async (choice) => {
    const [sold, worth] = await Promise.all([
      questions.top('orders', 'line_items.name', questions.goods(questions.placed(choice)), { field: 'line_items.quantity', operator: 'sum' }),
      questions.topAmounts('line_items.name', questions.goods(questions.paid(choice)), 'line_items.total_amount'),
    ]);
    const amounts = new Map(worth.map(({ label, value }) => [label, value]));
    return {
      columns: [{ title: 'Product', kind: 'text' }, counted('Sold'), money('Revenue', choice)],
      rows: sold.map(({ label, value }) => [label, value, amounts.get(label) ?? null]),
      bars: 1,
    };
  },
};

/** How many different customers had ordered by the end of a day, as far back as the API looks in one question. */
const everBy = (choice, start, day) => (day < start ? 0 : questions.customersOf(questions.placed({ ...choice, from: start, to: day })));

const customers = {
  id: 'customers',
  title: 'New and returning customers',
  note: 'Customers with an e-mail. New is who had not ordered before, in the five years that one question covers.',
  load: async (choice) => {
    const length = few(choice);
    const firsts = intervals(choice, length);
    const start = choice.to - FARTHEST + 1;
    const ends = [choice.from - 1, ...firsts.slice(1).map((first) => first - 1), choice.to];
    const [active, ...ever] = await Promise.all([
      questions.series(choice, { field: 'customer.email', operator: 'cardinality', filter: questions.placed(choice), interval: length }),
      ...ends.map((day) => everBy(choice, start, day)),
    ]);
    const rows = active.map(([first, all], at) => [first, ever[at + 1] - ever[at], all - (ever[at + 1] - ever[at])]);
    return { columns: [time(choice, length), counted('New'), counted('Returning')], rows, chart: ['--chart-a', '--chart-b'], stacked: true };
  },
};

const markets = {
  id: 'markets',
  title: 'By market',
  load: async (choice) => {
    const breakdown = { by: 'order.currency_code', field: 'order.total_amount_with_taxes', operator: 'sum', limit: 10 };
    const found = await questions.top('orders', 'market.name', questions.placed(choice), { limit: 20, breakdown });
    const currencies = [...new Set(found.flatMap((market) => market['order.currency_code'].map(({ label }) => label)))];
    const worth = (market, currency) => market['order.currency_code'].find(({ label }) => label === currency)?.value ?? null;
    return {
      columns: [{ title: 'Market', kind: 'text' }, counted('Orders'), ...currencies.map((currency) => money('Revenue', { currency }))],
      rows: found.map((market) => [market.label, market.value, ...currencies.map((currency) => worth(market, currency))]),
      bars: 1,
    };
  },
};

const codes = {
  id: 'codes',
  title: 'Coupon codes',
  load: async (choice) => {
    const [used, worth] = await Promise.all([
      questions.top('orders', 'order.coupon_code', questions.placed(choice)),
      questions.topAmounts('order.coupon_code', questions.paid(choice)),
    ]);
    const amounts = new Map(worth.map(({ label, value }) => [label, value]));
    return {
      columns: [{ title: 'Code', kind: 'text' }, counted('Orders'), money('Revenue', choice)],
      rows: used.map(({ label, value }) => [label, value, amounts.get(label) ?? null]),
      bars: 1,
    };
  },
};

const outcomes = {
  id: 'outcomes',
  title: 'What became of orders',
  load: async (choice) => {
    const found = await questions.top('orders', 'order.status', questions.everPlaced(choice));
    return { columns: [{ title: 'Status', kind: 'text' }, counted('Orders')], rows: found.map(({ label, value }) => [label, value]), bars: 1 };
  },
};

export const FIGURES = [revenue, orders, customers, abandoned, funnel, outcomes, products, leftBehind, markets, codes];

/** The few numbers at the head, each with what it was in the period before. */
export const summary = async (choice) => {
  const then = questions.earlier(choice);
  const basketsLeft = (choice) => {
    const filter = left(choice);
    return filter ? questions.countOf('carts', filter) : 0;
  };
  const both = (load) => Promise.all([load(choice), load(then)]);
  const [earned, orders, customers, returns, carts] = await Promise.all([
    both(questions.earned),
    both((choice) => questions.countOf('orders', questions.placed(choice))),
    both((choice) => questions.customersOf(questions.placed(choice))),
    both((choice) => questions.countOf('returns', questions.returned(choice), 'return.id')),
    both(basketsLeft),
  ]);
  const of = (name) => earned.map((stats) => stats[name] ?? 0);
  return {
    columns: [{ title: 'Number', kind: 'text' }, { title: 'This period', kind: 'any' }, { title: 'Period before', kind: 'any' }],
    rows: [
      ['Revenue', ...of('sum'), 'money'],
      ['Orders', ...orders, 'count'],
      ['Average order', ...of('avg'), 'money'],
      ['Customers', ...customers, 'count'],
      ['Returns', ...returns, 'count'],
      ['Abandoned baskets', ...carts, 'count'],
    ],
    period: moments(then),
  };
};

/** The markets and currencies of the last five years, for the page's choices; the one with most orders comes first. */
export const known = async (to) => {
  const filter = questions.placed({ from: to - FARTHEST + 1, to });
  const inner = { by: 'market.name', field: 'order.id', operator: 'value_count', limit: 1 };
  const [currencies, markets] = await Promise.all([
    questions.top('orders', 'order.currency_code', filter, { limit: 30 }),
    questions.top('orders', 'market.id', filter, { limit: 100, breakdown: inner }),
  ]);
  return {
    currencies: currencies.map(({ label }) => label),
    markets: markets.map((market) => ({ id: market.label, name: market['market.name'][0]?.label ?? market.label })),
  };
};
