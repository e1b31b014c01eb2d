// The widgets about visits: by day, by source, by page and by device; and the funnel from the visit to the order.

import { countColumn, intervalColumn, moneyColumn, OF_EVENTS, OF_VISITS, OTHERS, shareColumn, textColumn } from '/reports/columns.js';
import { formatCountry } from '/reports/format.js';
import * as queries from '/reports/queries.js';
import * as tracking from '/reports/tracking-queries.js';

const series = (filters, field, operator, conditions) =>
  queries.timeSeries(filters, { resource: 'visits', by: 'visit.started_at', field, operator, filter: tracking.visits(filters, conditions) });

/** Returns rows `[first day, { count, sum }]`: the number of visits, and of the pages that they viewed. */
const visitsAndPages = (filters) => series(filters, 'visit.pages_count', 'stats');

const visitsByDay = {
  id: 'visits',
  title: 'Visits and visitors',
  uses: OF_VISITS,
  load: async (filters) => {
    const [visits, visitors] = await Promise.all([visitsAndPages(filters), series(filters, 'visitor.id', 'cardinality')]);
    return {
      columns: [intervalColumn(filters.interval), countColumn('Visits'), countColumn('Visitors'), countColumn('Page views')],
      rows: visits.map(([start, { count = 0, sum = 0 }], at) => [start, count, visitors[at][1], sum]),
      chart: ['--chart-a', '--chart-b'],
    };
  },
};

const bounces = {
  id: 'bounces',
  title: 'Bounces and duration',
  note: 'A bounce is a visit of one page without a search, a cart or an order. The duration is that from the first event to the last.',
  uses: OF_VISITS,
  load: async (filters) => {
    const [visits, bounced, seconds] = await Promise.all([
      visitsAndPages(filters), series(filters, 'visit.id', 'value_count', { is_bounce: true }), series(filters, 'visit.duration_seconds', 'avg'),
    ]);
    return {
      columns: [intervalColumn(filters.interval), countColumn('Bounces'), shareColumn('Of all visits'), countColumn('Seconds on average')],
      rows: visits.map(([start, { count = 0 }], at) => [start, bounced[at][1], count ? bounced[at][1] / count : 0, seconds[at][1]]),
      chart: ['--chart-c'],
    };
  },
};

const FUNNEL = [
  ['Visited the shop', {}], ['Viewed a product', { viewed_product: true }], ['Put something into the cart', { added_to_cart: true }],
  ['Went to the checkout', { checked_out: true }], ['Ordered', { ordered: true }],
];

export const visitFunnel = {
  id: 'visit-funnel',
  title: 'From the visit to the order',
  note: 'Each row counts the visits in which that happened.',
  uses: OF_VISITS,
  load: async (filters) => {
    const counts = await Promise.all(FUNNEL.map(([, conditions]) => tracking.countVisits(filters, conditions)));
    return {
      columns: [textColumn('Step'), countColumn('Visits'), shareColumn('Of all visits'), shareColumn('Of the step before')],
      rows: counts[0] ? FUNNEL.map(([step], at) => [step, counts[at], counts[at] / counts[0], counts[at] / counts[Math.max(at - 1, 0)]]) : [],
      barColumn: 1,
    };
  },
};

const WITHIN = 'Orders are those within the visit, cancelled ones too, and revenue is that of visits whose first order is in the chosen currency.';

/**
 * A table of visits by an attribute, with the orders and the revenue of these visits. No amount in the currency makes a dash, not a zero. `touches`
 * is the title of the table that counts the orders of later visits by the same attribute.
 */
const visitTable = (id, title, column, by, { note, touches, filter, nothing, format = (label) => label } = {}) => ({
  id,
  title,
  note: [note, WITHIN, touches && `“${touches}” also counts those of later visits.`].filter(Boolean).join(' '),
  nothing,
  isWide: true,
  uses: OF_VISITS,
  load: async (filters) => ({
    columns: [textColumn(column, filter), countColumn('Visits'), countColumn('Orders'), moneyColumn('Revenue', filters), moneyColumn('Per visit', filters), shareColumn('Conversion')],
    rows: (await tracking.visitsBy(filters, by)).map(([label, ...numbers]) => [label === OTHERS ? label : format(label), ...numbers]),
    barColumn: 1,
  }),
});

const searches = {
  id: 'searches',
  title: 'Searches in the shop',
  note: 'The last column counts the visits with this search in which something was ordered.',
  uses: OF_EVENTS,
  load: async (filters) => ({
    columns: [textColumn('Search'), countColumn('Searches'), countColumn('Visits'), countColumn('With an order')],
    rows: await tracking.searches(filters),
    barColumn: 1,
  }),
};

const pages = {
  id: 'pages',
  title: 'Pages',
  note: 'The visits that viewed the page, each once: any page, also those of products, categories, articles and searches.',
  uses: OF_EVENTS,
  load: async (filters) => ({ columns: [textColumn('Page'), countColumn('Visits')], rows: await tracking.viewedPages(filters), barColumn: 1 }),
};

export const channels = visitTable('channels', 'Channels', 'Channel', 'source.channel', {
  filter: 'channel',
  touches: 'Orders by channel of the last touch',
});

/** The widgets of the part, around the tables of orders by their touches. */
export const trafficWidgets = (touches) => [
  visitsByDay,
  bounces,
  channels,
  visitFunnel,
  searches,
  visitTable('sources', 'Sources', 'Source', 'source.name', { filter: 'source', touches: 'Orders by source of the last touch' }),
  visitTable('campaigns', 'Campaigns', 'Campaign', 'source.campaign', {
    filter: 'campaign',
    touches: 'Orders by campaign of the last touch',
    note: 'Visits without a campaign are in the last row.',
    nothing: 'No visit came by a link with a campaign. Add utm_campaign to the links of advertisements and newsletters.',
  }),
  ...touches,
  visitTable('landing-pages', 'Landing pages', 'First page', 'visit.entry_path'),
  visitTable('terms', 'Search terms of links', 'Term', 'source.term', {
    note: 'The term that an advertisement or a link names. Search engines do not send what people searched for.',
    nothing: 'No visit came by a link with a term. Add utm_term to the links of advertisements.',
  }),
  visitTable('devices', 'Devices', 'Device', 'device.type', { filter: 'device' }),
  visitTable('browsers', 'Browsers', 'Browser', 'device.browser'),
  visitTable('systems', 'Systems', 'System', 'device.system'),
  visitTable('countries', 'Countries', 'Country', 'country.code', {
    format: formatCountry,
    nothing: 'No visit has a country. The collector finds countries if it runs with --geoip FILE.',
  }),
  pages,
];
