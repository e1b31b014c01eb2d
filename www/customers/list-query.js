// The search behind the list of customers: filters from the form, pages, and all pages for the CSV file.

import { search } from '/reports/api.js';
import { dateFilter, longestPeriod, startOfDay, today } from '/reports/period.js';
import { topBuckets } from '/reports/queries.js';

const PAGE_ROWS = 50;
/** The most records that one request returns. */
const MAX_PAGE_ROWS = 100;
/** How many tags that resemble the chosen one are compared with it. */
const MAX_TAGS = 100;

const text = (title, read) => ({ title, kind: 'text', read });
const FIELDS = [
  'email', 'first_name', 'last_name', 'tags', 'subscribed', 'orders_count', 'revenue', 'currency_code', 'visits_count', 'first_seen_at', 'last_seen_at', 'last_order_at',
  'segment', 'cart_amount', 'cart_currency_code',
].map((name) => `customer.${name}`);

/** The columns of the visible list. */
export const COLUMNS = [
  { title: 'Customer', kind: 'text' }, { title: 'Tags', kind: 'tag-cell' }, { title: 'Orders', kind: 'count' }, { title: 'Revenue', kind: 'money' },
  { title: 'Visits', kind: 'count' }, { title: 'Last seen', kind: 'day' }, { title: 'Last order', kind: 'day' }, { title: 'Open cart', kind: 'money' },
  { title: 'First channel', kind: 'text' }, { title: 'Segment', kind: 'text' },
];

/** The columns of the CSV file. */
const CSV_COLUMNS = [
  text('E-mail', ({ email }) => email), text('First name', ({ first_name: name }) => name), text('Last name', ({ last_name: name }) => name),
  text('Tags', ({ tags }) => (tags ?? []).join(', ')), text('Subscribed', ({ subscribed }) => (subscribed === undefined ? '' : subscribed ? 'yes' : 'no')),
  { title: 'Orders', kind: 'count', read: (customer) => customer.orders_count ?? 0 }, { title: 'Revenue', kind: 'count', read: ({ revenue }) => revenue },
  text('Currency', (customer) => customer.currency_code), { title: 'Visits', kind: 'count', read: (customer) => customer.visits_count ?? 0 },
  text('First seen', (customer) => customer.first_seen_at), text('Last seen', (customer) => customer.last_seen_at), text('Last order', (customer) => customer.last_order_at),
  text('First channel', (customer) => customer.first_source?.channel), text('First source', (customer) => customer.first_source?.name),
  text('First campaign', (customer) => customer.first_source?.campaign), text('Segment', ({ segment }) => segment),
  { title: 'Open cart', kind: 'count', read: (customer) => customer.cart_amount }, text('Currency of the cart', (customer) => customer.cart_currency_code),
];

/** Sets the form from the address. */
export const readAddress = (form) => {
  for (const [name, value] of new URLSearchParams(location.search)) {
    const field = form.elements[name];
    if (!field) continue;
    // The sources are options that are loaded later.
    if (field.name === 'source' && value) field.append(createOption(value));
    field.value = value;
    if (field.value !== value) field.value = field.options?.[0].value ?? '';
  }
};

/** Returns the fields that differ from their defaults. */
const chosenFields = (form) => [...form.elements].filter((field) => field.name && (field.options ? field.selectedIndex > 0 : field.value.trim()));

/** Returns the chosen filters beside the search, for the summary of the fold: `Orders: 2 or more, Cart: With an open cart`. */
export const describeBriefly = (form) => {
  const describe = (field) => `${field.labels[0].firstChild.textContent.trim()}: ${field.options ? field.selectedOptions[0].textContent : field.value.trim()}`;
  return chosenFields(form).filter((field) => field.name !== 'text').map(describe).join(', ') || 'none chosen';
};

/** Returns the address without any filter. The order of the list stays. */
export const addressWithoutFilters = () => {
  const sort = new URLSearchParams(location.search).get('sort');
  return sort ? `?${new URLSearchParams({ sort })}` : location.pathname;
};

/** Returns what is wrong with a field, for the user; '' if all fields are valid. */
export const describeInvalid = (form) => {
  const field = [...form.elements].find((field) => field.willValidate && !field.validity.valid);
  return field ? `${field.labels[0].firstChild.textContent.trim()}: ${field.validationMessage}` : '';
};

/** Writes the fields that differ from their defaults into the address. */
export const writeAddress = (form) => {
  const params = new URLSearchParams(chosenFields(form).map((field) => [field.name, field.value.trim()]));
  history.replaceState(null, '', params.size ? `?${params}` : location.pathname);
};

const createOption = (value) => Object.assign(document.createElement('option'), { value, textContent: value });

const everything = () => ({ ...dateFilter(longestPeriod()), date_field: 'last_seen_at' });

/** Adds the channels from which customers came first. */
export const fillSources = async (form) => {
  const select = form.elements.source;
  const channels = await topBuckets('customers', 'first_source.channel', { customer: everything() }, { field: 'customer.email', limit: 30 });
  const isNew = ({ label }) => ![...select.options].some((option) => option.value === label);
  select.append(...channels.filter(isNew).map(({ label }) => createOption(label)));
};

/** Returns the condition of a choice such as `in-30` or `over-90` days. */
const dayCondition = (choice) => {
  const [kind, days] = choice.split('-');
  const first = startOfDay(today() - Number(days));
  return kind === 'in' ? { gte: first } : { lt: first };
};

/** Returns the free-text query that finds each word anywhere in the texts of a customer. Separators and characters with a meaning in such a query are left out. */
const toWords = (text) => text.split(/[\s"()|+*,;<>]+/).map((word) => word.replace(/^-+/, '')).filter(Boolean).map((word) => `*${word}*`).join(' + ');

/** Returns the tag, and the customers' tags that differ from it only in capitals. */
const spellingsOf = async (tag) => {
  const words = toWords(tag);
  const filter = words ? { ...everything(), aggregated_details: { query: words } } : everything();
  const tags = await topBuckets('customers', 'customer.tags', { customer: filter }, { field: 'customer.email', limit: MAX_TAGS });
  return [tag, ...tags.map(({ label }) => label).filter((label) => label !== tag && label.toLowerCase() === tag.toLowerCase())];
};

const toFilter = async (form) => {
  const { text, tag, source, orders, revenue, seen, ordered, segment, subscribed, cart, cart_from: cartFrom } = form.elements;
  const customer = everything();
  const words = toWords(text.value);
  if (words) customer.aggregated_details = { query: words };
  if (tag.value.trim()) customer.tags = { in: await spellingsOf(tag.value.trim()) };
  if (orders.value) customer.orders_count = orders.value === '0' ? { eq: 0 } : { gte: Number(orders.value) };
  if (revenue.value) customer.revenue = { gte: Number(revenue.value) };
  if (seen.value) customer.last_seen_at = dayCondition(seen.value);
  if (ordered.value) customer.last_order_at = dayCondition(ordered.value);
  if (segment.value) customer.segments = { in: [segment.value] };
  if (subscribed.value) customer.subscribed = subscribed.value === 'true';
  if (cart.value) customer.has_cart = cart.value === 'true';
  if (cartFrom.value) customer.cart_amount = { gte: Number(cartFrom.value) };
  return source.value ? { customer, first_source: { channels: { in: [source.value] } } } : { customer };
};

const searchCustomers = (filter, parameters) => search('customers', { fields: [...FIELDS, 'first_source.*'], ...parameters }, filter);

/** Returns a page of customers in the order of the form: `{ records, count, cursor }`. */
export const loadPage = async (form, cursor) =>
  searchCustomers(await toFilter(form), { limit: PAGE_ROWS, sort: 'desc', sort_by: `customer.${form.elements.sort.value}`, cursor });

/** Compares customers as the list does: the latest first, those without the date last. */
const byLatest = (name) => (a, b) => (Date.parse(b[name]) || 0) - (Date.parse(a[name]) || 0);

/**
 * Returns the table of all customers that match the filters, in the order of the form, and their number at the end of the loading; calls
 * `report(count)` after each page. The pages are in the order of the first visits, which does not change while customers are seen again.
 */
export const loadAll = async (form, report) => {
  const filter = await toFilter(form);
  const order = form.elements.sort.value;
  const customers = new Map();
  let page = { cursor: null };
  do {
    page = await searchCustomers(filter, { limit: MAX_PAGE_ROWS, sort: 'asc', sort_by: 'customer.first_seen_at', cursor: page.cursor });
    page.records.forEach((customer) => customers.set(customer.email, customer));
    report(customers.size);
  } while (page.cursor);
  const sorted = [...customers.values()].sort(byLatest(order));
  return { columns: CSV_COLUMNS, rows: sorted.map((customer) => CSV_COLUMNS.map(({ read }) => read(customer))), count: page.count };
};
